-- $1 account, $2 intent: what the ledger knows of it; no row while it has not heard of it.
select state, final, request_id
from ledger.operation
where intent_id = $2 and account = $1
order by final, first_seen_at
limit 1
