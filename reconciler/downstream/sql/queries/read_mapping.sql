-- $1 accounts, $2 EIDs (pairs): every row of theirs.
select mapping_id, account, eid, iccid, target, binding, app_id, holder_id, device_id, enabled, denied,
  gone_at is not null as gone, verified_at is not null as verified
from downstream.mapping
where (account, eid) in (select * from unnest($1::text[], $2::text[]))
order by mapping_id
