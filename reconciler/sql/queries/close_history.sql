-- $1 EIDs, $2 profiles, $3 the microsecond since 1970 at which what was recorded last ends.
update ledger.profile_history as h
set recorded_until = timestamptz 'epoch' + a.until * interval '1 microsecond'
from unnest($1::text[], $2::bigint[], $3::bigint[]) as a (eid, profile_id, until)
where h.eid = a.eid and h.profile_id = a.profile_id and h.recorded_until is null
