-- $1 target, $2 holder: a job that will do for another one of the same holder.
select job_id from downstream.job
where target = $1 and holder_id = $2 and state = 'held'
order by job_id
limit 1
