"""The privacy ledger: what was spent, written before it is spent."""
