-- Each audit chain: what is stored as its length and head, and the positions that are there; of one moment, because
-- it is one statement. Another topic's partition of the same number has no chain: its length is 0.
with recursive present (partition) as (
  select min(partition) from audit.event_chain
  union all
  select (select min(partition) from audit.event_chain as later where later.partition > present.partition)
  from present
  where present.partition is not null
),
stored as (
  select distinct on (partition) partition, chain_events, chain_head
  from audit.offsets
  where chain_events > 0
  order by partition, chain_events desc
)
select
  partition,
  coalesce(stored.chain_events, 0) as events,
  stored.chain_head as head,
  (select min(link.chain_position) from audit.event_chain as link where link.partition = known.partition) as first_position,
  (select max(link.chain_position) from audit.event_chain as link where link.partition = known.partition) as last_position
from (
  select partition from present where partition is not null
  union
  select partition from stored
) as known
left join stored using (partition)
order by partition
