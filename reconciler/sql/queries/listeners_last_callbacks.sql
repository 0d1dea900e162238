-- When each account was last heard, among what was recorded in a span of time.
select
  account,
  max(observed_at) as observed_at
from audit.events
where kind = 'callback'
  and recorded_at > $1
  and recorded_at <= $2
group by account
