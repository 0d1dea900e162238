insert into downstream.transition
  (job_id, was, state, step, reason, by, request, http_status, code, said, transaction_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
