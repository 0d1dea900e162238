-- $1 version, $2 name, $3 SHA-256 in hex: in the same transaction as the file itself.
insert into ledger.schema_migration (version, name, sha256, applied_at)
values ($1, $2, $3, clock_timestamp())
