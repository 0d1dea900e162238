-- $1 operations in order, $2 when to look, $3 why at once, or null. Sooner wins; two looks are 30 seconds apart.
insert into ledger.poll as p (operation_id, next_poll_at, due_reason)
select a.operation_id, a.at, a.reason
from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as a (operation_id, at, reason)
on conflict (operation_id) do update
set next_poll_at = greatest(
      least(p.next_poll_at, excluded.next_poll_at),
      p.last_poll_at + interval '30 seconds'
    ),
    due_reason = coalesce(excluded.due_reason, p.due_reason)
