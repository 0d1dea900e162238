-- $1-$2 requests to read whole, $3-$5 requests to read for one EID each; $6-$7 and $8-$10 the same for what intents
-- say by themselves; $11 keys of the batch's own events. A row may come back more than once.
select e.evidence_key, e.kind, e.account, e.request_id, e.intent_id, e.eid, e.imei, e.mdn, e.iccid_named,
  e.iccid_reported, e.iccid_single, e.action, e.fact, e.requested_at, e.observed_at, e.attempt, e.attempts_max,
  e.sequence, e.rules
from unnest($1::text[], $2::text[]) as a (account, id)
join ledger.evidence as e on e.request_id = a.id and e.account = a.account
union all
select e.evidence_key, e.kind, e.account, e.request_id, e.intent_id, e.eid, e.imei, e.mdn, e.iccid_named,
  e.iccid_reported, e.iccid_single, e.action, e.fact, e.requested_at, e.observed_at, e.attempt, e.attempts_max,
  e.sequence, e.rules
from unnest($3::text[], $4::text[], $5::text[]) as a (account, id, eid)
join ledger.evidence as e on e.request_id = a.id and e.account = a.account and e.eid = a.eid
union all
select e.evidence_key, e.kind, e.account, e.request_id, e.intent_id, e.eid, e.imei, e.mdn, e.iccid_named,
  e.iccid_reported, e.iccid_single, e.action, e.fact, e.requested_at, e.observed_at, e.attempt, e.attempts_max,
  e.sequence, e.rules
from unnest($6::text[], $7::text[]) as a (account, id)
join ledger.evidence as e on e.intent_id = a.id and e.account = a.account and e.request_id is null
union all
select e.evidence_key, e.kind, e.account, e.request_id, e.intent_id, e.eid, e.imei, e.mdn, e.iccid_named,
  e.iccid_reported, e.iccid_single, e.action, e.fact, e.requested_at, e.observed_at, e.attempt, e.attempts_max,
  e.sequence, e.rules
from unnest($8::text[], $9::text[], $10::text[]) as a (account, id, eid)
join ledger.evidence as e
  on e.intent_id = a.id and e.account = a.account and e.request_id is null and e.eid = a.eid
union all
select e.evidence_key, e.kind, e.account, e.request_id, e.intent_id, e.eid, e.imei, e.mdn, e.iccid_named,
  e.iccid_reported, e.iccid_single, e.action, e.fact, e.requested_at, e.observed_at, e.attempt, e.attempts_max,
  e.sequence, e.rules
from ledger.evidence as e
where e.evidence_key = any ($11::bytea[])
