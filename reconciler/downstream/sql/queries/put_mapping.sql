-- $1 … $9 the row, $10 source, $11 who: made, or brought up to date.
insert into downstream.mapping as stored
  (target, account, eid, iccid, binding, app_id, holder_id, device_id, enabled, denied, source, imported_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (target, account, eid, iccid, app_id) do update
  set binding = excluded.binding, holder_id = excluded.holder_id, device_id = excluded.device_id,
    enabled = excluded.enabled, denied = excluded.denied, source = excluded.source,
    imported_by = excluded.imported_by, imported_at = clock_timestamp(),
    verified_at = case
      when (stored.holder_id, stored.device_id) = (excluded.holder_id, excluded.device_id) then stored.verified_at
    end
returning (xmax = 0) as made
