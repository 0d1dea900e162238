-- $1 intent ids: operations of an intent that has no request yet.
select operation_id, account, request_id, intent_id, eid, device, iccid_target, action, state, final, facts, first_seen_at,
  settled_at, ordered_at, target_known, needs_target, success_iccids, confirmed, due_reasons, version
from ledger.operation
where intent_id = any ($1::text[]) and request_id is null
