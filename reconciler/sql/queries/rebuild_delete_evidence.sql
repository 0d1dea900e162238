-- $1 keys.
delete from ledger.evidence
where evidence_key = any ($1::bytea[])
