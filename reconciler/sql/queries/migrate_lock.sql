-- One runner at a time on this database; held by the session until it ends.
select pg_advisory_lock(hashtextextended('profile-ledger schema migration', 0))
