-- $1 topics, $2 partitions, $3 next offsets, $4 last event ids, $5 chain heads, $6 chain lengths. The rows are locked.
update ledger.consumer_offset as o
set next_offset = a.next_offset,
    last_event_id = a.last_event_id,
    chain_head = a.chain_head,
    chain_events = a.chain_events,
    updated_at = clock_timestamp()
from unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::bytea[], $6::bigint[])
  as a (topic, partition, next_offset, last_event_id, chain_head, chain_events)
where o.topic = a.topic and o.partition = a.partition
