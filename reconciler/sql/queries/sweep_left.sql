-- $1 accounts, $2 how far apart two polls of one operation are at least, $3 how long a lease lasts: how many looks are
-- due that nobody has taken, as sweep_lease.sql takes them. Each half has an index of its own.
select count(*)
from (
  select * from ledger.poll where due_reason is null
  union all
  select * from ledger.poll where due_reason is not null
) as poll
where account = any ($1::text[])
  and next_poll_at <= statement_timestamp()
  and (
    last_poll_at is null
    or last_poll_at > statement_timestamp() + $3::interval
    or (
      last_poll_at <= statement_timestamp() - $2::interval
      and (lease_until is null or lease_until <= statement_timestamp())
    )
  )
