select target, account, eid, iccid, binding, app_id, holder_id, device_id, enabled, denied, gone_at, verified_at,
  source, imported_by, imported_at
from downstream.mapping
where ($1::text is null or target = $1)
order by target, account, eid, iccid, app_id
