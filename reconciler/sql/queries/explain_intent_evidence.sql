-- $1 an intent that became no request: what explain_intent_events gives, as the fold reads it.
select
  evidence_key, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_single,
  action, fact, requested_at, observed_at, attempt, attempts_max, sequence, rules
from audit.evidence
where intent_id = $1 and request_id is null
order by account, evidence_key
