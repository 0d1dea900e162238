-- $1 intent id; an id may stand in several accounts, and may have become requests.
select
  operation_id, account, request_id, intent_id, eid, device, iccid_target, action, state, final, facts,
  first_seen_at, settled_at, polls, next_poll_at, overdue, abandoned, version, ordered_at, target_known,
  last_poll_at, due_reason
from audit.operations
where intent_id = $1
order by account, ordered_at, request_id, iccid_target
