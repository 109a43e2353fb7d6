"""Frozen values that pass between rooms.

`typed` holds what people and institutions sign (the EIP-712 structs of design section 5), `ledger` what
the chain says, `images` what intake finds and journeys report. No behaviour beyond construction lives
here; rules over these values are in `fiducia.core`.
"""
