-- $1 account, $2 EID, $3 ICCID, $4 before when they were settled: jobs of which nothing was sent yet.
select job_id, state from downstream.job
where account = $1 and eid = $2 and iccid = $3 and event_at <= $4 and state in ('held', 'looking')
order by job_id
for update
