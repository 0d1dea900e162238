-- $1 EID: every state that was recorded, oldest first.
select
  account, eid, iccid, bootstrap, state, possible_states, certainty, suspended, since, operation_id, version, recorded_from, recorded_until
from audit.profile_history
where eid = $1
order by recorded_from, bootstrap, iccid
