-- $1 request ids, in whatever account; $2 bodies of callbacks that were read by older rules than this, 0 for none.
-- With what is said of the intents that became these requests.
with linked as materialized (
  select distinct account, intent_id
  from ledger.event
  where request_id = any ($1::text[]) and kind = 'request' and intent_id is not null
)
select
  recorded.evidence_key, recorded.kind, recorded.account, recorded.request_id, recorded.intent_id, recorded.eid,
  recorded.imei, recorded.mdn, recorded.iccid_named, recorded.iccid_reported, recorded.iccid_single, recorded.action,
  recorded.fact, recorded.requested_at, recorded.observed_at, recorded.attempt, recorded.attempts_max,
  recorded.sequence, recorded.rules, recorded.least_observed_at, recorded.greatest_attempt,
  recorded.least_attempts_max, recorded.differing, recorded.later_rules, recorded.later_facts,
  recorded.later_actions,
  case when recorded.kind = 'callback' and recorded.rules < $2 then recorded.body end as body
from ledger.recorded_event as recorded
where recorded.request_id = any ($1::text[])
union all
select
  recorded.evidence_key, recorded.kind, recorded.account, recorded.request_id, recorded.intent_id, recorded.eid,
  recorded.imei, recorded.mdn, recorded.iccid_named, recorded.iccid_reported, recorded.iccid_single, recorded.action,
  recorded.fact, recorded.requested_at, recorded.observed_at, recorded.attempt, recorded.attempts_max,
  recorded.sequence, recorded.rules, recorded.least_observed_at, recorded.greatest_attempt,
  recorded.least_attempts_max, recorded.differing, recorded.later_rules, recorded.later_facts,
  recorded.later_actions,
  null as body
from ledger.recorded_event as recorded
where recorded.intent_id = any (array(select intent_id from linked))
  and recorded.request_id is null
  and (recorded.account, recorded.intent_id) in (select account, intent_id from linked)
