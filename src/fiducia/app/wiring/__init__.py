"""Wiring: the one place that chooses adapters and joins them to journeys. Decides nothing else.

`custody` says where a home's vaults, directories and journals lie, `parts` which adapter stands behind each port,
`house` which parts each journey takes, `broker` what a member's broker is made of. `House` is also how a Python
program uses the journeys.
"""

from fiducia.app.wiring.house import House
from fiducia.app.wiring.parts import READER, BrokerKeys, deploy_ledger

__all__ = ["READER", "BrokerKeys", "House", "deploy_ledger"]
