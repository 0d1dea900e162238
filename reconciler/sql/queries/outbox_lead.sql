-- Whether this session may send what waits: it has the lock until it ends.
select pg_try_advisory_lock(hashtextextended('profile-ledger dispatch', 0))
