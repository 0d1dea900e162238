-- $1 EID: the bootstrap last, because it is what remains.
select
  account, eid, iccid, bootstrap, state, possible_states, certainty, suspended, since, operation_id, version
from audit.profiles
where eid = $1
order by bootstrap, iccid
