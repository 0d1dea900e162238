-- $1 the deadline, $2 intents at most, $3 how far two clocks may be apart: intents without an answer, each with the
-- operation of the same account, EID, ICCID and action that was observed after it, of which nobody says whose it is.
-- Only where each is the other's only one, and never for one of our own `submit` whose answer is known.
with alone as (
  select account, intent_id, eid, iccid_target, action, first_seen_at
  from ledger.operation as operation
  where request_id is null
    and not final
    and first_seen_at <= now() - $1::interval
    and first_seen_at > now() - interval '30 days'
    and eid is not null
    and action is not null
    and not exists (
      select from ledger.intent as own
      where own.intent_id = operation.intent_id
        and own.account = operation.account
        and own.state not in ('sending', 'unclear')
    )
  order by first_seen_at, operation_id
  limit $2
),
pairs as (
  select alone.*, observed.request_id as found
  from alone
  join ledger.operation as observed
    on observed.eid = alone.eid
    and observed.account = alone.account
    and observed.action = alone.action
    and observed.iccid_target is not distinct from alone.iccid_target
    and observed.request_id is not null
    and observed.intent_id is null
    and not 'announced' = any (observed.facts)
    and observed.first_seen_at >= alone.first_seen_at - $3::interval
)
select account, intent_id, eid, iccid_target, action, found as request_id
from pairs as one
where (select count(*) from pairs as p where p.account = one.account and p.intent_id = one.intent_id) = 1
  and (select count(*) from pairs as p where p.account = one.account and p.found = one.found) = 1
order by account, intent_id
