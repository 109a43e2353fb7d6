"""Incidents: a key, a device or a key-encryption key is in other hands; whom it concerns, and what is to be done.

Pure: from the replayed ledger, a custodian's journal and the public custody documents to one report. Where the ledger
does not say who signed, everything that the key may have signed counts: a report names too much rather than too little.
`exposure` says what somebody else has, `effects` what came of it, `steps` the commands that contain it, `report` puts
it together with the deadlines.
"""
