-- $1 request id. An event that names only an intent belongs to every request which that intent became.
with intents as (
  select distinct account, intent_id
  from audit.evidence
  where request_id = $1 and intent_id is not null
),
concerned as (
  select * from audit.events where request_id = $1
  union all
  select events.*
  from intents
  join audit.events as events using (account, intent_id)
  where events.request_id is null
)
select
  event_id, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_target,
  action, signal, fact, outcome, operation_id, requested_at, observed_at, recorded_at, attempt, attempts_max,
  sequence, service, producer, rules, flags, partition, "offset", chain_position, chain_hash, body_digest, body
from concerned
order by recorded_at, partition, chain_position
