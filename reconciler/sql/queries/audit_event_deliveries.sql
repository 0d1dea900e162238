-- $1 event ids as bytes: every copy of these events that reached Kafka.
select event_id, attempt, attempts_max, source_ip, observed_at, partition, "offset"
from audit.deliveries
where event_id_bytes = any($1::bytea[])
order by observed_at, partition, "offset"
