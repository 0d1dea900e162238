-- $1 profiles that vanish because more is known now; their history stays.
delete from ledger.profile as p
where p.profile_id = any ($1::bigint[])
