-- $1 EID, in operation order: the order in which profiles are folded.
select
  operation_id, account, request_id, intent_id, eid, device, iccid_target, action, state, final, facts,
  first_seen_at, settled_at, polls, next_poll_at, overdue, abandoned, version, ordered_at, target_known,
  last_poll_at, due_reason
from audit.operations
where eid = $1
order by ordered_at, account, request_id, intent_id, iccid_target
