-- $1 EIDs: what history says of them now; the columns of read_device_profiles.sql.
select h.profile_id, h.version, h.eid, h.account, h.iccid, h.bootstrap, h.state, h.possible_states, h.certainty,
  h.suspended, h.since, h.operation_id
from ledger.profile_history as h
where h.eid = any ($1::text[]) and h.recorded_until is null
