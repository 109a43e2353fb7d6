"""Emergencies while the chain stalls: judged and handed over first, told to the ledger when it is back."""
