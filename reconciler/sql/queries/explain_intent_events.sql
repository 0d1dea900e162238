-- $1 an intent that became no request: what was said of it.
select
  event_id, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_target,
  action, signal, fact, outcome, operation_id, requested_at, observed_at, recorded_at, attempt, attempts_max,
  sequence, service, producer, rules, flags, partition, "offset", chain_position, chain_hash, body_digest, body
from audit.events
where intent_id = $1 and request_id is null
order by recorded_at, partition, chain_position
