-- $1 topic, $2 partition, $3 the next offset. The row is locked; the chain goes on where it was. Nothing is known of
-- the record before the new offset, so there is nothing to compare with until a record has been applied.
update ledger.consumer_offset
set next_offset = $3,
    last_event_id = null,
    updated_at = clock_timestamp()
where topic = $1 and partition = $2
