select topic, partition, next_offset, last_event_id, topic_id
from audit.offsets
order by topic, partition
