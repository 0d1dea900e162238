-- $1 profiles whose rows were written just now: the same once more, from the microsecond that is their version.
insert into ledger.profile_history (
  eid, profile_id, recorded_from, account, iccid, bootstrap, state, possible_states, certainty, suspended, since,
  operation_id, version
)
select p.eid, p.profile_id, timestamptz 'epoch' + p.version * interval '1 microsecond', p.account, p.iccid,
  p.bootstrap, p.state, p.possible_states, p.certainty, p.suspended, p.since, p.operation_id, p.version
from ledger.profile as p
where p.profile_id = any ($1::bigint[])
