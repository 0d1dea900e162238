-- Events that name neither a request nor an intent, with ids above $1 up to $3; $2 as of the others.
select
  recorded.evidence_key, recorded.kind, recorded.account, recorded.request_id, recorded.intent_id, recorded.eid,
  recorded.imei, recorded.mdn, recorded.iccid_named, recorded.iccid_reported, recorded.iccid_single, recorded.action,
  recorded.fact, recorded.requested_at, recorded.observed_at, recorded.attempt, recorded.attempts_max,
  recorded.sequence, recorded.rules, recorded.least_observed_at, recorded.greatest_attempt,
  recorded.least_attempts_max, recorded.differing, recorded.later_rules, recorded.later_facts,
  recorded.later_actions,
  case when recorded.kind = 'callback' and recorded.rules < $2 then recorded.body end as body
from ledger.recorded_event as recorded
where recorded.request_id is null
  and recorded.intent_id is null
  and recorded.event_id > $1
  and recorded.event_id <= $3
