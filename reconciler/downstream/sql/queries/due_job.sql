-- $1 target, $2 now: the job that is longest due, of a holder for whom nothing else is under way.
select job_id, target, mapping_id, account, operation_id, request_id, eid, iccid, action, app_id, holder_id,
  device_id, event_at, event_version, state, reason, request, verified, needs_approval,
  approved_by, approved_by is not null as approved, again_at, sends, tries, sent_at, transaction_id, created_at,
  updated_at
from downstream.job as due
where target = $1 and again_at <= $2 and not needs_approval
  and (
    state in ('sending', 'accepted', 'checking')
    or not exists (
      select from downstream.job as other
      where other.target = due.target and other.holder_id = due.holder_id and other.job_id <> due.job_id
        and other.state in ('sending', 'accepted', 'checking')
    )
  )
order by again_at, job_id
limit 1
