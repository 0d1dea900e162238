-- $1 EIDs: every profile of each.
select p.profile_id, p.version, p.eid, p.account, p.iccid, p.bootstrap, p.state, p.possible_states, p.certainty,
  p.suspended, p.since, p.operation_id
from ledger.profile as p
where p.eid = any ($1::text[])
