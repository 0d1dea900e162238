select version, name, sha256 from downstream.schema_migration order by version
