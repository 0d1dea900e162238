select coalesce(sum(chain_events), 0)::bigint
from ledger.consumer_offset
