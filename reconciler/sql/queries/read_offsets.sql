-- $1 topics, $2 partitions.
select o.topic, o.partition, o.next_offset, o.last_event_id, o.topic_id
from unnest($1::text[], $2::integer[]) as a (topic, partition)
join ledger.consumer_offset as o on o.topic = a.topic and o.partition = a.partition
