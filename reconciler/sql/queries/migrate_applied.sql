-- Read by the owner; programs read the same list through audit.schema_migrations.
select version, name, sha256
from ledger.schema_migration
order by version
