-- $1 topic, $2 partition.
select next_offset, last_event_id, topic_id, chain_events, chain_head
from ledger.consumer_offset
where topic = $1 and partition = $2
for update
