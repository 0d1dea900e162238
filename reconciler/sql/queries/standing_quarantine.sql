select count(*) from ledger.quarantine where status = 'open'
