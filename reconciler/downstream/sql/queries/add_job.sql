-- Gives back the id where the job is new, or was cancelled because its deletion was in doubt, which it is no longer;
-- nothing where it was there.
insert into downstream.job as stored
  (key, target, mapping_id, account, operation_id, request_id, eid, iccid, action, app_id, holder_id, device_id,
   event_at, event_version, state, reason, request, verified, again_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
on conflict (key) do update
  set operation_id = excluded.operation_id, event_at = excluded.event_at, event_version = excluded.event_version,
    state = excluded.state, reason = excluded.reason, again_at = excluded.again_at, taken_back = false,
    needs_approval = false, tries = 0, updated_at = clock_timestamp()
  where stored.taken_back and stored.state = 'cancelled' and stored.sends = 0
    and stored.event_version < excluded.event_version
returning job_id
