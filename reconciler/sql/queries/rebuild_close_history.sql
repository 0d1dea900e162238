-- $1 EIDs, $2 profiles that are no more: what history says of them ends now.
update ledger.profile_history as h
set recorded_until = greatest(clock_timestamp(), h.recorded_from + interval '1 microsecond')
from unnest($1::text[], $2::bigint[]) as a (eid, profile_id)
where h.eid = a.eid and h.profile_id = a.profile_id and h.recorded_until is null
