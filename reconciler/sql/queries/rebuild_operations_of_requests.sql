-- $1 request ids.
select operation_id, account, request_id, intent_id, eid, device, iccid_target, action, state, final, facts, first_seen_at,
  settled_at, ordered_at, target_known, needs_target, success_iccids, confirmed, due_reasons, version
from ledger.operation
where request_id = any ($1::text[])
