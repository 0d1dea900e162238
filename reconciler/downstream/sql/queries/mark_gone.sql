-- $1 account, $2 EID, $3 ICCID, $4 since when its profile is gone; null: it is there.
update downstream.mapping
set gone_at = $4
where account = $1 and eid = $2 and iccid = $3 and gone_at is distinct from $4
