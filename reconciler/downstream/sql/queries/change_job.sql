-- $1 job, $2 the state it was in; $3 … what it becomes. No row: a person was faster.
update downstream.job
set state = $3, reason = $4, again_at = $5, needs_approval = $6, sends = $7, tries = $8, sent_at = $9,
  transaction_id = $10, approved_by = coalesce($11, approved_by), updated_at = clock_timestamp()
where job_id = $1 and state = $2
returning job_id
