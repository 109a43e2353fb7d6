"""Provenance in memory: the household's study, proved by who may, and what a verifier holds."""

from __future__ import annotations

from fiducia.core.formats.trust import LedgerName, Trust
from fiducia.core.provenance import trust_of
from fiducia.core.rules import Purpose
from fiducia.journeys.audit.indexes import OpenGranted, OpenKept
from fiducia.journeys.audit.ledger_checkpoints import CollectLedgerCheckpoints
from fiducia.journeys.audit.prove_instances import OpenedStudy, Proofs, ProveInstances
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.collecting import CollectKeys
from tests.support.household import Household

GENESIS = bytes(range(32))


def ledger_name(world: Household) -> LedgerName:
    """Which ledger the household's is."""
    return LedgerName(world.domains.chain_id, GENESIS, world.domains.members, world.domains.studies)


def trust(world: Household, quorum: int | None = 2, *, receipts: bool = False) -> Trust:
    """What a verifier holds, as of now."""
    return trust_of(world.mirror.catch_up(), ledger_name(world), quorum=quorum, receipts=receipts)


def opened_by(world: Household, requester: Requester, purpose: Purpose = Purpose.TREAT) -> OpenedStudy:
    """The study's indexes, opened under a request."""
    collect = CollectKeys(
        broker_of=world.broker_of, mirror=world.mirror, store=world.store, clock=world.clock, domains=world.domains
    )
    draw_up = DrawUpRequest(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains)
    return OpenGranted(draw_up=draw_up, collect=collect).run(world.study_id, 0, purpose, requester)


def opened_by_custodian(world: Household, series: int = 0) -> OpenedStudy:
    """The study's indexes, opened with the custodian's own share."""
    return OpenKept(mirror=world.mirror, store=world.store, vault=world.vault).run(world.study_id, series)


def prove(world: Household, opened: OpenedStudy, instance: int = 0) -> Proofs:
    """The proofs of what was opened."""
    collect = CollectLedgerCheckpoints(
        view=world.view, mirror=world.mirror, broker_of=world.broker_of, domains=world.domains
    )
    return ProveInstances(
        ledger_name=ledger_name(world),
        receipts=world.ledger,
        mirror=world.mirror,
        store=world.store,
        tree=world.tree,
        collect=collect,
        broker_of=world.broker_of,
    ).run(opened, instance)
