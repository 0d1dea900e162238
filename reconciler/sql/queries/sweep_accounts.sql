-- The accounts that have looks ahead; one index probe each, however many looks there are.
with recursive known (account) as (
  select min(account) from ledger.poll where next_poll_at is not null and due_reason is null
  union all
  select (
    select min(account)
    from ledger.poll as later
    where later.next_poll_at is not null and later.due_reason is null and later.account > known.account
  )
  from known
  where known.account is not null
)
select account from known where account is not null
