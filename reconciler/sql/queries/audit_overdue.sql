-- $1 account, $2 and $3 the first_seen_at and operation_id seen last, or null, $4 rows at most; the oldest first.
select
  operation_id, account, request_id, intent_id, eid, device, iccid_target, action, state, final, facts,
  first_seen_at, settled_at, polls, next_poll_at, overdue, abandoned, version, ordered_at, target_known,
  last_poll_at, due_reason
from audit.operations
where overdue
  and ($1::text is null or account = $1)
  and (first_seen_at, operation_id) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
order by first_seen_at, operation_id
limit $4
