-- $1-$20 are the columns of ledger.operation, in order; arrays as their text. What the identity is made of stays.
update ledger.operation as o
set intent_id = a.intent_id,
    iccid_target = a.iccid_target,
    action = a.action,
    state = a.state,
    final = a.final,
    facts = a.facts::text[],
    first_seen_at = a.first_seen_at,
    settled_at = a.settled_at,
    ordered_at = a.ordered_at,
    target_known = a.target_known,
    needs_target = a.needs_target,
    success_iccids = a.success_iccids::text[],
    confirmed = a.confirmed,
    due_reasons = a.due_reasons::text[],
    version = a.version
from unnest(
  $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::boolean[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::boolean[],
  $16::boolean[], $17::text[], $18::boolean[], $19::text[], $20::bigint[]
) as a (
  operation_id, account, request_id, intent_id, eid, device, iccid_target, action, state, final, facts,
  first_seen_at, settled_at, ordered_at, target_known, needs_target, success_iccids, confirmed, due_reasons, version
)
where o.operation_id = a.operation_id
