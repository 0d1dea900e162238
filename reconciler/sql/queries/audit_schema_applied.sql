select version, name, sha256
from audit.schema_migrations
order by version
