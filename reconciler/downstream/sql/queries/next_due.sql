-- $1 target: when the next job of it is due.
select min(again_at) from downstream.job where target = $1 and not needs_approval
