-- $1 intent ids, in whatever account; $2 as of the others, though no callback names an intent. Only what is said of
-- an intent alone.
select
  recorded.evidence_key, recorded.kind, recorded.account, recorded.request_id, recorded.intent_id, recorded.eid,
  recorded.imei, recorded.mdn, recorded.iccid_named, recorded.iccid_reported, recorded.iccid_single, recorded.action,
  recorded.fact, recorded.requested_at, recorded.observed_at, recorded.attempt, recorded.attempts_max,
  recorded.sequence, recorded.rules, recorded.least_observed_at, recorded.greatest_attempt,
  recorded.least_attempts_max, recorded.differing, recorded.later_rules, recorded.later_facts,
  recorded.later_actions,
  case when recorded.kind = 'callback' and recorded.rules < $2 then recorded.body end as body
from ledger.recorded_event as recorded
where recorded.intent_id = any ($1::text[]) and recorded.request_id is null
