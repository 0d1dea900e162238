-- $1 topics, $2 partitions: a partition that was never read starts at its first record.
insert into ledger.consumer_offset (topic, partition, next_offset)
select a.topic, a.partition, 0
from unnest($1::text[], $2::integer[]) as a (topic, partition)
order by a.topic collate "C", a.partition
on conflict (topic, partition) do nothing
