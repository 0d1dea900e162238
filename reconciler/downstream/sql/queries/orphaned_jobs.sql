-- $1 the targets that can be looked at: jobs that were being sent when the last engine ended, at any other.
select job_id, target, mapping_id, account, operation_id, request_id, eid, iccid, action, app_id, holder_id,
  device_id, event_at, event_version, state, reason, request, verified, needs_approval,
  approved_by, approved_by is not null as approved, again_at, sends, tries, sent_at, transaction_id, created_at,
  updated_at
from downstream.job
where state = 'sending' and not (target = any ($1))
order by job_id
