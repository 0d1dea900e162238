-- $1 status, $2 reason, $3 account, $4 the last id seen, $5 rows at most; a filter that is null lets everything
-- through. Oldest first.
select
  quarantine_id, reason, account, request_id, source_ip, observed_at, status, bytes, copies, error, digest, topic,
  partition, "offset", record_key, service, ce_type, recorded_at, last_recorded_at
from ledger.quarantine
where quarantine_id > $4
  and ($1::text is null or status = $1)
  and ($2::text is null or reason = $2)
  and ($3::text is null or account = $3)
order by quarantine_id
limit $5
