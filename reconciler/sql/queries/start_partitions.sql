-- $1 topics, $2 partitions: makes the rows that are missing, at the first record, and gives back those of a topic
-- that had rows before. All partitions of a topic are made at once, so these were added to it later.
with known as (
  select distinct o.topic from ledger.consumer_offset as o where o.topic = any ($1::text[])
), made as (
  insert into ledger.consumer_offset (topic, partition, next_offset)
  select a.topic, a.partition, 0
  from unnest($1::text[], $2::integer[]) as a (topic, partition)
  order by a.topic collate "C", a.partition
  on conflict (topic, partition) do nothing
  returning topic, partition
)
select made.topic, made.partition
from made
join known on known.topic = made.topic
