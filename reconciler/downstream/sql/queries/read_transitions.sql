select at, was, state, step, reason, by, request, http_status, code, said, transaction_id
from downstream.transition
where job_id = $1
order by transition_id
