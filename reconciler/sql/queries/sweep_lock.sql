-- $1 account: one reconciler at a time takes looks of an account, so that all of them together keep its rate.
select pg_advisory_xact_lock(hashtextextended('profile-ledger sweep ' || $1::text, 0))
