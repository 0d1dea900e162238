-- Keys above $1 up to $2.
select evidence_key, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_single,
  action, fact, requested_at, observed_at, attempt, attempts_max, sequence, rules
from ledger.evidence
where request_id is null and intent_id is null and evidence_key > $1 and evidence_key <= $2
