-- The first of a thousand ids: the sequence goes on by thousands.
select nextval('ledger.profile_id')
