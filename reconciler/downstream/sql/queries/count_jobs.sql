select target, state, needs_approval, count(*) as jobs, min(created_at) as oldest_at
from downstream.job
group by target, state, needs_approval
order by target, state, needs_approval
