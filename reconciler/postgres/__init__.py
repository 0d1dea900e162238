"""The ledger's database: the transaction, and the ways in."""
