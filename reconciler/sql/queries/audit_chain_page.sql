-- $1 partition, $2 the last position seen, $3 the last position of the page, $4 rows at most: one more than there are
-- positions, so that a position that stands there twice shows.
select
  event_id, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_single,
  iccid_target, action, fact, requested_at, observed_at, attempt, attempts_max, sequence, service, producer, rules,
  flags, outcome, operation_id, partition, "offset", chain_position, recorded_at,
  body_digest, chain_hash, body_salt, body
from audit.event_chain
where partition = $1 and chain_position > $2 and chain_position <= $3
order by chain_position
limit $4
