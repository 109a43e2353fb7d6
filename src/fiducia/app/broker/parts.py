"""What a broker is made of: its journeys, and the ports whose health it reports."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.journeys.grant import RelayGrant
from fiducia.journeys.release import HandOverKeys, RecordRelease
from fiducia.journeys.revoke import RelayTaken, Taken, TakeRevoke
from fiducia.ports import Clock, Journal, Ledger, Mirror, Store, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerParts:
    """A broker's journeys and ports, chosen by wiring.

    `first_block` is where the ledger's contracts begin.
    """

    institution: int
    first_block: int
    ledger: Ledger
    mirror: Mirror
    store: Store
    vault: Vault
    journal: Journal
    clock: Clock
    taken: Taken
    relay_grant: RelayGrant
    take_revoke: TakeRevoke
    relay_taken: RelayTaken
    record_release: RecordRelease
    hand_over: HandOverKeys
