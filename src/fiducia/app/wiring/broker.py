"""What a member's broker is made of: its journeys over the member's own parts."""

from __future__ import annotations

from fiducia.app.broker import BrokerParts
from fiducia.app.wiring.parts import Parts
from fiducia.errors import ConfigError
from fiducia.journeys.grant import RelayGrant
from fiducia.journeys.release import HandOverKeys, RecordRelease
from fiducia.journeys.revoke import RelayTaken, Taken, TakeRevoke


def broker_parts(parts: Parts, member: str) -> BrokerParts:
    """Return what a member's broker is made of. Raises: ConfigError, VaultError, JournalError."""
    address = parts.consortium.member(member)
    if address is None:
        raise ConfigError(f"{member} is no member of this consortium")
    ledger, mirror, journal = parts.ledger(member), parts.mirror(member), parts.journal(member)
    taken = Taken(journal)
    clock, domains, steps = parts.clock, parts.domains, parts.steps
    take_revoke = TakeRevoke(
        ledger=ledger, mirror=mirror, journal=journal, taken=taken, clock=clock, domains=domains, steps=steps
    )
    return BrokerParts(
        institution=address.institution,
        first_block=parts.consortium.network.first_block,
        ledger=ledger,
        mirror=mirror,
        store=parts.store(),
        vault=parts.vault(member),
        journal=journal,
        clock=clock,
        taken=taken,
        relay_grant=RelayGrant(ledger=ledger, mirror=mirror, custodian=address.institution),
        take_revoke=take_revoke,
        relay_taken=RelayTaken(taken=taken, take=take_revoke),
        record_release=RecordRelease(
            ledger=ledger,
            journal=journal,
            taken=taken,
            clock=clock,
            domains=domains,
            steps=steps,
            custodian=address.institution,
        ),
        hand_over=HandOverKeys(
            ledger=ledger,
            mirror=mirror,
            store=parts.store(),
            vault=parts.vault(member),
            journal=journal,
            taken=taken,
            clock=clock,
            domains=domains,
            steps=steps,
            trustee=address.institution,
            signer=parts.broker_keys(member).sign,
        ),
    )
