-- $1 a request id or an intent id: the operations that it may mean.
select
  operation_id::text, account, request_id, intent_id, eid, iccid_target, action, state, final, facts,
  first_seen_at, version
from ledger.operation
where request_id = $1 or intent_id = $1
order by account, request_id, intent_id, eid, iccid_target
