-- $1 topic: every partition of it that was ever read.
select partition, next_offset, last_event_id, topic_id
from ledger.consumer_offset
where topic = $1
order by partition
