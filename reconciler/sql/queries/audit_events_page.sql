-- $1 partition, $2 the last chain position seen, $3 account, $4 EID, $5 ICCID, $6 request id, $7 signal, $8 since,
-- $9 until (excluded), $10 rows at most. A filter that is null lets everything through.
select
  event_id, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_target,
  action, signal, fact, outcome, operation_id, requested_at, observed_at, recorded_at, attempt, attempts_max,
  sequence, service, producer, rules, flags, partition, "offset", chain_position, chain_hash, body_digest, body
from audit.events
where partition = $1
  and chain_position > $2
  and ($3::text is null or account = $3)
  and ($4::text is null or eid = $4)
  and ($5::text is null or iccid_target = $5 or iccid_named = $5 or iccid_reported = $5)
  and ($6::text is null or request_id = $6)
  and ($7::text is null or signal = $7)
  and ($8::timestamptz is null or recorded_at >= $8)
  and ($9::timestamptz is null or recorded_at < $9)
order by chain_position
limit $10
