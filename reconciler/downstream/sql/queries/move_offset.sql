-- $1 topic, $2 partition, $3 the offset it stands at (null: not known yet), $4 the next one. No row: it stands elsewhere.
insert into downstream.consumer_offset as stored (topic, partition, next_offset)
values ($1, $2, $4)
on conflict (topic, partition) do update
  set next_offset = excluded.next_offset, updated_at = clock_timestamp()
  where stored.next_offset = $3
returning next_offset
