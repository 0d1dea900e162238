-- $1 the deadline, $2 intents at most: what somebody meant to ask, and never said what came of it. One of our own
-- `submit` is left behind only where it was cut off while asking; before, it is certainly not sent, and after, its
-- answer is kept.
select account, intent_id, eid, iccid_target, action
from ledger.operation as operation
where request_id is null
  and not final
  and state = 'intended'
  and first_seen_at <= now() - $1::interval
  and not exists (
    select from ledger.intent as own
    where own.intent_id = operation.intent_id
      and own.account = operation.account
      and (own.state <> 'sending' or own.changed_at > now() - $1::interval)
  )
order by first_seen_at, operation_id
limit $2
