-- $1 topic, $2 partition, $3 the next offset, $4 the id of the topic that Kafka has now, null where it tells none. The
-- row is locked; the chain goes on where it was. Nothing is known of the record before the new offset, so there is no
-- record to compare with until one has been applied.
update ledger.consumer_offset
set next_offset = $3,
    last_event_id = null,
    topic_id = $4,
    updated_at = clock_timestamp()
where topic = $1 and partition = $2
