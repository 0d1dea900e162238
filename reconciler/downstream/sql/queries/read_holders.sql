-- $1 targets, $2 holders (pairs): every row that leads to them.
select mapping_id, account, eid, iccid, target, binding, app_id, holder_id, device_id, enabled, denied,
  gone_at is not null as gone, verified_at is not null as verified
from downstream.mapping
where (target, holder_id) in (select * from unnest($1::text[], $2::text[]))
order by mapping_id
