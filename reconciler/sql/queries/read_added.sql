-- $1 topics, $2 partitions: those without a row, of topics that have rows. All partitions of a topic are made at once,
-- so these were added to it later.
select a.topic, a.partition
from unnest($1::text[], $2::integer[]) as a (topic, partition)
where exists (select from ledger.consumer_offset as known where known.topic = a.topic)
  and not exists (
    select from ledger.consumer_offset as own where own.topic = a.topic and own.partition = a.partition
  )
