-- Equal account, reason and bytes give one row with a count. $1-$16 in the order of the columns, rows in the order
-- of the key. What was replayed and comes back is open again; what was discarded stays so.
insert into ledger.quarantine as q (
  reason, account, request_id, source_ip, observed_at, digest, bytes, copies, error, topic, partition, "offset",
  record_key, recorded_at, last_recorded_at, service, ce_type
)
select a.reason, a.account, a.request_id, a.source_ip, a.observed_at, a.digest, a.bytes, a.copies, a.error, a.topic,
  a.partition, a."offset", a.record_key, a.recorded_at, a.recorded_at, a.service, a.ce_type
from unnest(
  $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[], $7::bytea[], $8::bigint[],
  $9::text[], $10::text[], $11::integer[], $12::bigint[], $13::bytea[], $14::timestamptz[],
  $15::text[], $16::text[]
) as a (
  reason, account, request_id, source_ip, observed_at, digest, bytes, copies, error, topic, partition, "offset",
  record_key, recorded_at, service, ce_type
)
on conflict (digest, reason, account) do update
set copies = q.copies + excluded.copies,
    observed_at = least(q.observed_at, excluded.observed_at),
    last_recorded_at = excluded.last_recorded_at,
    status = case when q.status = 'replayed' then 'open' else q.status end
