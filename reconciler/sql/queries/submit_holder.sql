-- $1 device, $2 the intent that wants it, $3 how long an operation holds its device at most: who holds it longest.
select account, intent_id, request_id, action, held_by, until
from (
  select
    lease.account, lease.intent_id, intent.request_id, intent.action, lease.taken_by as held_by, lease.until
  from ledger.lease as lease
  left join ledger.intent as intent on intent.intent_id = lease.intent_id
  where lease.device = $1
    and lease.intent_id <> $2
    and lease.until > clock_timestamp()
    and coalesce(intent.state not in ('rejected', 'withdrawn'), true)
    and (
      not exists (
        select from ledger.operation as done
        where done.intent_id = lease.intent_id and done.account = lease.account and done.final
      )
      or exists (
        select from ledger.operation as open
        where open.intent_id = lease.intent_id and open.account = lease.account and not open.final
      )
    )
  union all
  select
    operation.account, operation.intent_id, operation.request_id, operation.action, null,
    operation.first_seen_at + $3::interval
  from ledger.operation as operation
  where operation.eid = $1
    and not operation.final
    and operation.intent_id is distinct from $2
    and operation.first_seen_at > clock_timestamp() - $3::interval
) as holders
order by until desc, held_by nulls last
limit 1
