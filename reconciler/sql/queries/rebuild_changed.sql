-- $1 rebuild, $2-$8 by column.
insert into ledger.rebuild_change (rebuild_id, table_name, row_name, change, account, request_id, eid, said)
select $1, a.*
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[]) as a
