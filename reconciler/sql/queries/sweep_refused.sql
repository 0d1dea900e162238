-- $1 the reason of refused callbacks. Who knew a request that is open and showed wrong credentials may have been
-- ThingSpace with an old password: a look at once, once an hour at most. The newest 10,000 of two hours are enough.
with refused as (
  select account, request_id, max(last_recorded_at) as at
  from (
    select account, request_id, last_recorded_at
    from ledger.quarantine
    where reason = $1 and request_id is not null and last_recorded_at > now() - interval '2 hours'
    order by last_recorded_at desc
    limit 10000
  ) as newest
  group by account, request_id
)
update ledger.poll as p
set next_poll_at = least(p.next_poll_at, now()),
    due_reason = coalesce(p.due_reason, 'refused'),
    refused_at = now()
from refused
join ledger.operation as o on o.request_id = refused.request_id and o.account = refused.account
where p.operation_id = o.operation_id
  and (not o.final or (o.needs_target and not o.target_known))
  and o.first_seen_at > now() - interval '30 days'
  and (p.refused_at is null or (refused.at > p.refused_at and p.refused_at <= now() - interval '1 hour'))
returning p.operation_id::text, o.account, o.request_id
