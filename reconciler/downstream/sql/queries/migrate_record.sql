insert into downstream.schema_migration (version, name, sha256, applied_at) values ($1, $2, $3, clock_timestamp())
