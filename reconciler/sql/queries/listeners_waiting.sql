-- How many operations of an account may still get a callback: open, asked for in the last day, and not given up.
select count(*)
from audit.operations
where account = $1
  and not final
  and request_id is not null
  and not abandoned
  and first_seen_at > now() - interval '1 day'
