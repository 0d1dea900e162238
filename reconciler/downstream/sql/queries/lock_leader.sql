-- One engine works at a time; the others stand by. Held by the session until it ends.
select pg_try_advisory_lock(hashtextextended('profile-ledger downstream engine', 0))
