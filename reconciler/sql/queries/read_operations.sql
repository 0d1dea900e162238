-- $1-$2 requests to read whole, $3-$5 requests to read for one EID each; $6-$7 and $8-$10 the same for intents that
-- have no request yet.
select o.operation_id, o.account, o.request_id, o.intent_id, o.eid, o.device, o.iccid_target, o.action, o.state,
  o.final, o.facts, o.first_seen_at, o.settled_at, o.ordered_at, o.target_known, o.needs_target, o.success_iccids,
  o.confirmed, o.due_reasons, o.version
from unnest($1::text[], $2::text[]) as a (account, id)
join ledger.operation as o on o.request_id = a.id and o.account = a.account
union all
select o.operation_id, o.account, o.request_id, o.intent_id, o.eid, o.device, o.iccid_target, o.action, o.state,
  o.final, o.facts, o.first_seen_at, o.settled_at, o.ordered_at, o.target_known, o.needs_target, o.success_iccids,
  o.confirmed, o.due_reasons, o.version
from unnest($3::text[], $4::text[], $5::text[]) as a (account, id, eid)
join ledger.operation as o on o.request_id = a.id and o.account = a.account and o.eid = a.eid
union all
select o.operation_id, o.account, o.request_id, o.intent_id, o.eid, o.device, o.iccid_target, o.action, o.state,
  o.final, o.facts, o.first_seen_at, o.settled_at, o.ordered_at, o.target_known, o.needs_target, o.success_iccids,
  o.confirmed, o.due_reasons, o.version
from unnest($6::text[], $7::text[]) as a (account, id)
join ledger.operation as o on o.intent_id = a.id and o.account = a.account and o.request_id is null
union all
select o.operation_id, o.account, o.request_id, o.intent_id, o.eid, o.device, o.iccid_target, o.action, o.state,
  o.final, o.facts, o.first_seen_at, o.settled_at, o.ordered_at, o.target_known, o.needs_target, o.success_iccids,
  o.confirmed, o.due_reasons, o.version
from unnest($8::text[], $9::text[], $10::text[]) as a (account, id, eid)
join ledger.operation as o
  on o.intent_id = a.id and o.account = a.account and o.request_id is null and o.eid = a.eid
