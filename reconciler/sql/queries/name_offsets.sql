-- $1 topics, $2 partitions, $3 topic ids, null where nobody knows: stored where there is none yet, and never changed.
update ledger.consumer_offset as o
set topic_id = a.topic_id
from unnest($1::text[], $2::integer[], $3::text[]) as a (topic, partition, topic_id)
where o.topic = a.topic and o.partition = a.partition and o.topic_id is null and a.topic_id is not null
