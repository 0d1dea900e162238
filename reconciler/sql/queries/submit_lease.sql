-- $1 device, $2 intent, $3 account, $4 who, $5 how long at most, $6 whatever stands in the way. No row: it is held.
-- A lease ends when the operation it was taken for is final, or at its deadline; an operation that nobody here
-- submitted holds its device in the same way.
insert into ledger.lease as lease (device, intent_id, account, taken_by, taken_at, until)
select $1, $2, $3, $4, clock_timestamp(), clock_timestamp() + $5::interval
where $6
  or not exists (
    select from ledger.operation as other
    where other.eid = $1
      and not other.final
      and other.intent_id is distinct from $2
      and other.first_seen_at > clock_timestamp() - $5::interval
  )
on conflict (device) do update
set intent_id = excluded.intent_id,
    account = excluded.account,
    taken_by = excluded.taken_by,
    taken_at = excluded.taken_at,
    until = excluded.until
where $6
  or lease.intent_id = excluded.intent_id
  or lease.until <= clock_timestamp()
  or exists (
    select from ledger.intent as done
    where done.intent_id = lease.intent_id and done.state in ('rejected', 'withdrawn')
  )
  or (
    exists (
      select from ledger.operation as done
      where done.intent_id = lease.intent_id and done.account = lease.account and done.final
    )
    and not exists (
      select from ledger.operation as open
      where open.intent_id = lease.intent_id and open.account = lease.account and not open.final
    )
  )
returning lease.intent_id
