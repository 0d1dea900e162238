-- $1 operations in order, $2 their accounts, $3 when to look, $4 why at once, or null, $5 how far apart two looks are,
-- the same for all. Sooner wins.
insert into ledger.poll as p (operation_id, account, next_poll_at, due_reason)
select a.operation_id, a.account, a.at, a.reason
from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) as a (operation_id, account, at, reason)
on conflict (operation_id) do update
set account = excluded.account,
    next_poll_at = greatest(
      least(p.next_poll_at, excluded.next_poll_at),
      p.last_poll_at + ($5::interval[])[1]
    ),
    due_reason = coalesce(excluded.due_reason, p.due_reason)
