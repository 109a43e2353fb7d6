"""Verification without trust: the ledger replayed, instances proved."""
