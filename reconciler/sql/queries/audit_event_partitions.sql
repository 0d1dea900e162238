-- The Kafka partitions that the audit log knows; one index probe each, however long the log is.
with recursive present (partition) as (
  select min(partition) from audit.event_chain
  union all
  select (select min(partition) from audit.event_chain as later where later.partition > present.partition)
  from present
  where present.partition is not null
)
select partition from present where partition is not null
