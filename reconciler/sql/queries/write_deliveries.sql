-- Each copy of an event that reached Kafka, and what it says otherwise than the first. After `offsets reset` the same copy may come again: same key, same row.
insert into ledger.delivery (event_id, partition, "offset", attempt, attempts_max, source_ip, observed_at, differs)
select *
from unnest(
  $1::bytea[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[], $8::jsonb[]
)
on conflict (event_id, partition, "offset") do nothing
