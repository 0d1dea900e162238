-- $1 target or null, $2 state or null, $3 only those that wait for a person, $4 how many: the newest first.
select job_id, target, mapping_id, account, operation_id, request_id, eid, iccid, action, app_id, holder_id,
  device_id, event_at, event_version, state, reason, request, verified, needs_approval,
  approved_by, approved_by is not null as approved, again_at, sends, tries, sent_at, transaction_id, created_at,
  updated_at
from downstream.job
where ($1::text is null or target = $1) and ($2::text is null or state = $2)
  and (not $3 or needs_approval or state = 'unknown')
order by job_id desc
limit $4
