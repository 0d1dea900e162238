-- $1-$12 are the columns of ledger.profile, in order; arrays as their text.
update ledger.profile as p
set account = a.account,
    iccid = a.iccid,
    bootstrap = a.bootstrap,
    state = a.state,
    possible_states = a.possible_states::text[],
    certainty = a.certainty,
    suspended = a.suspended,
    since = a.since,
    operation_id = a.operation_id,
    version = a.version
from unnest(
  $1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[],
  $9::boolean[], $10::timestamptz[], $11::uuid[], $12::bigint[]
) as a (
  profile_id, eid, account, iccid, bootstrap, state, possible_states, certainty, suspended, since, operation_id,
  version
)
where p.profile_id = a.profile_id
