-- $1 ids of rows that Kafka has.
delete from ledger.outbox
where outbox_id = any ($1::bigint[])
