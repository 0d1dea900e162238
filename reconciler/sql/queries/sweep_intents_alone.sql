-- $1 the deadline, $2 intents at most: what somebody meant to ask, and never said what came of it.
select account, intent_id, eid, iccid_target, action
from ledger.operation
where request_id is null
  and not final
  and state = 'intended'
  and first_seen_at <= now() - $1::interval
order by first_seen_at, operation_id
limit $2
