-- $1 EIDs: every operation of each, of whatever account.
select o.operation_id, o.account, o.request_id, o.intent_id, o.eid, o.device, o.iccid_target, o.action, o.state,
  o.final, o.facts, o.first_seen_at, o.settled_at, o.ordered_at, o.target_known, o.needs_target, o.success_iccids,
  o.confirmed, o.due_reasons, o.version
from ledger.operation as o
where o.eid = any ($1::text[])
