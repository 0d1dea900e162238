-- $1 operation, $2 version of the message: jobs of an older one of which nothing was sent yet.
select job_id, state from downstream.job
where operation_id = $1 and event_version <= $2 and state in ('held', 'looking')
order by job_id
for update
