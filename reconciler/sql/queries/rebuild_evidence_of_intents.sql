-- $1 intent ids: what is said of an intent alone.
select evidence_key, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_single,
  action, fact, requested_at, observed_at, attempt, attempts_max, sequence, rules
from ledger.evidence
where intent_id = any ($1::text[]) and request_id is null
