-- What a copy of an event may change in its row. $1-$19 are the columns of ledger.evidence, in order.
update ledger.evidence as e
set eid = a.eid,
    imei = a.imei,
    mdn = a.mdn,
    iccid_named = a.iccid_named,
    iccid_reported = a.iccid_reported,
    action = a.action,
    fact = a.fact,
    requested_at = a.requested_at,
    observed_at = a.observed_at,
    attempt = a.attempt,
    attempts_max = a.attempts_max,
    rules = a.rules
from unnest(
  $1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::text[], $11::boolean[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::bigint[],
  $17::bigint[], $18::bigint[], $19::integer[]
) as a (
  evidence_key, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_single,
  action, fact, requested_at, observed_at, attempt, attempts_max, sequence, rules
)
where e.evidence_key = a.evidence_key
