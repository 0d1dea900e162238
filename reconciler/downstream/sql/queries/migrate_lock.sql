select pg_advisory_lock(hashtextextended('profile-ledger downstream schema', 0))
