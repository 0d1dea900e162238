-- $1 account, $2 operations at most, $3 how long the lease lasts, $4 how far apart two polls of one operation are at
-- least, $5 polls a minute. Numbers the polls before anybody asks, so that no two share one. A poll that lies further
-- ahead than a lease lasts is of a clock that was put right since: it holds nothing up.
with room as (
  select greatest(0, least($2::bigint, $5::bigint - count(*))) as polls
  from ledger.poll
  where account = $1
    and last_poll_at > statement_timestamp() - interval '1 minute'
    and last_poll_at <= statement_timestamp() + $3::interval
),
wanted as (
  select operation_id, last_poll_at
  from ledger.poll
  where account = $1
    and due_reason is not null
    and next_poll_at <= statement_timestamp()
    and (
      last_poll_at is null
      or last_poll_at > statement_timestamp() + $3::interval
      or (
        last_poll_at <= statement_timestamp() - $4::interval
        and (lease_until is null or lease_until <= statement_timestamp())
      )
    )
  order by next_poll_at
  limit (select polls from room)
  for update skip locked
),
scheduled as (
  select operation_id, last_poll_at
  from ledger.poll
  where account = $1
    and due_reason is null
    and next_poll_at <= statement_timestamp()
    and (
      last_poll_at is null
      or last_poll_at > statement_timestamp() + $3::interval
      or (
        last_poll_at <= statement_timestamp() - $4::interval
        and (lease_until is null or lease_until <= statement_timestamp())
      )
    )
  order by next_poll_at
  limit (select polls from room) - (select count(*) from wanted)
  for update skip locked
),
leased as (
  update ledger.poll as p
  set polls = p.polls + 1,
      last_poll_at = statement_timestamp(),
      lease_until = statement_timestamp() + $3::interval
  from (select * from wanted union all select * from scheduled) as due
  where p.operation_id = due.operation_id
  returning p.operation_id, p.polls, p.last_poll_at as asked_at, p.lease_until, due.last_poll_at as asked_before
)
select
  operation.operation_id::text,
  operation.account,
  operation.request_id,
  operation.eid,
  operation.device,
  operation.iccid_target,
  operation.action,
  operation.first_seen_at,
  exists (
    select from ledger.operation as other
    where other.request_id = operation.request_id
      and other.account = operation.account
      and other.operation_id <> operation.operation_id
  ) as one_of_several,
  leased.polls as poll_number,
  leased.asked_at,
  leased.asked_before,
  leased.lease_until
from leased
join ledger.operation as operation on operation.operation_id = leased.operation_id
where operation.request_id is not null
order by leased.operation_id
