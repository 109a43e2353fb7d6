"""A study on the ledger: registered, revised, held, withdrawn, erased."""
