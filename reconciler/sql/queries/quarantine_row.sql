-- $1 id.
select
  quarantine_id, reason, account, request_id, source_ip, observed_at, status, bytes, copies, error, digest, topic,
  partition, "offset", record_key, service, ce_type, recorded_at, last_recorded_at
from ledger.quarantine
where quarantine_id = $1
