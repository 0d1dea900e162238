-- $1 EID, $2 time: the profiles as they were recorded then.
select
  account, eid, iccid, bootstrap, state, possible_states, certainty, suspended, since, operation_id, version, recorded_from, recorded_until
from audit.profile_history
where eid = $1 and recorded_from <= $2 and (recorded_until is null or recorded_until > $2)
order by bootstrap, iccid
