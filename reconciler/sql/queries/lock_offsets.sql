-- $1 topics, $2 partitions. Locks the rows in the order of their key; rows that were never made do not come back.
select o.topic, o.partition, o.next_offset, o.chain_head, o.chain_events, clock_timestamp() as now
from ledger.consumer_offset as o
where (o.topic, o.partition) in (select a.topic, a.partition from unnest($1::text[], $2::integer[]) as a (topic, partition))
order by o.topic, o.partition
for update of o
