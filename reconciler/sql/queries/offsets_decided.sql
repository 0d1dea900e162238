-- $1-$17 in the order of the columns.
insert into ledger.offset_decision (
  decision, topic, partition, found, offset_before, offset_after, last_event_id_before, kafka_first, kafka_end,
  records_missing, records_skipped, chain_events, chain_head, why, decided_by,
  topic_id_before, topic_id_after
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
