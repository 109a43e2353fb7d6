"""What a member's broker is made of: its journeys over the member's own parts."""

from __future__ import annotations

from functools import partial
from typing import Any

from fiducia.app.broker import AskingParts, BrokerParts, LogParts, ProvingParts, TrusteeParts
from fiducia.app.wiring.copies import CopySide
from fiducia.app.wiring.parts import Parts
from fiducia.app.wiring.shipping import copies_hold_until
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.errors import ConfigError
from fiducia.journeys.audit.ledger_checkpoints import SignLedgerCheckpoint, ViewLedger
from fiducia.journeys.audit.vouching import VouchForInstances
from fiducia.journeys.grants.asks import AnswerAsks, Asks
from fiducia.journeys.grants.grant import RelayGrant
from fiducia.journeys.grants.revoke import RelayTaken, TakeRevoke
from fiducia.journeys.grants.taken import Taken
from fiducia.journeys.logs.checkpoints import AnchorCheckpoint, CollectCosignatures, LogTrouble, SignCheckpoint
from fiducia.journeys.logs.log_tree import JournalTree
from fiducia.journeys.logs.show_log import ShowLog
from fiducia.journeys.logs.witnessing import WitnessCheckpoint
from fiducia.journeys.members.carry import CarryAct
from fiducia.journeys.patients.look_up import LookUpPatient
from fiducia.journeys.reading.handing import SealKeys
from fiducia.journeys.reading.release import HandOverKeys, RecordRelease
from fiducia.journeys.stalls.late import EmergencyHandOver
from fiducia.journeys.stalls.late_checks import JudgeEmergency
from fiducia.journeys.stalls.late_records import LateHandOvers, RecordLate
from fiducia.journeys.trustees.dealing import DeliverRest
from fiducia.journeys.trustees.giving_up import GiveUpShares
from fiducia.journeys.trustees.trusteeship import KeepShares
from fiducia.ports import Journal


def broker_parts(parts: CopySide, member: str) -> BrokerParts:
    """Return what a member's broker is made of. Raises: ConfigError, VaultError, JournalError."""
    address = parts.consortium.member(member)
    if address is None:
        raise ConfigError(f"{member} is no member of this consortium")
    ledger, mirror, trouble = parts.ledger(member), parts.mirror(member), LogTrouble()
    journal, held = parts.watched_journal(member, trouble.require_none), parts.held_ledger(member)
    taken = Taken(journal)
    clock, domains, steps = parts.clock, parts.domains, parts.steps
    take_revoke = TakeRevoke(
        ledger=ledger, mirror=mirror, journal=journal, taken=taken, clock=clock, domains=domains, steps=steps
    )
    store, vault, keys = parts.store(), parts.vault(member), parts.serving_keys(member)
    seal = SealKeys(
        mirror=mirror, store=store, vault=vault, domains=domains, trustee=address.institution, signer=keys.sign
    )
    return BrokerParts(
        institution=address.institution,
        first_block=parts.consortium.network.first_block,
        ledger=ledger,
        mirror=mirror,
        store=store,
        vault=vault,
        journal=journal,
        clock=clock,
        taken=taken,
        relay_grant=RelayGrant(ledger=held, mirror=mirror, custodian=address.institution),
        carry_act=CarryAct(ledger=ledger, mirror=mirror, institution=address.institution),
        take_revoke=take_revoke,
        relay_taken=RelayTaken(taken=taken, take=take_revoke),
        record_release=RecordRelease(
            ledger=held,
            journal=journal,
            taken=taken,
            clock=clock,
            domains=domains,
            steps=steps,
            custodian=address.institution,
        ),
        hand_over=HandOverKeys(
            ledger=held,
            mirror=mirror,
            journal=journal,
            taken=taken,
            seal=seal,
            clock=clock,
            domains=domains,
            steps=steps,
        ),
        trustee=_trustee(parts, member, address.institution, journal),
        asking=_asking(parts, member, address.institution, journal, taken, seal),
        catch_up=parts.catch_up(member),
        log=_log(parts, member, address.institution, trouble),
        proving=_proving(parts, member, address.institution),
    )


def _trustee(parts: Parts, member: str, institution: int, journal: Journal) -> TrusteeParts:
    keys, vault, clock = parts.serving_keys(member), parts.vault(member), parts.clock
    on: dict[str, Any] = {
        "mirror": parts.mirror(member),
        "store": parts.store(),
        "vault": vault,
        "journal": journal,
        "clock": clock,
        "domains": parts.domains,
        "steps": parts.steps,
        "trustee": institution,
        "signer": keys.sign,
    }
    return TrusteeParts(
        keep=KeepShares(seeds=keys.kem, **on),
        give_up=GiveUpShares(log=keys.log, held_until=partial(copies_hold_until, parts), **on),
        deliver_rest=DeliverRest(vault=vault, clock=clock, deal=parts.deal_shares(member)),
        tell_destroy=parts.tell_destroy(member),
    )


def _proving(parts: Parts, member: str, institution: int) -> ProvingParts:
    mirror, clock, domains, signer = parts.mirror(member), parts.clock, parts.domains, parts.serving_keys(member).sign
    view = ViewLedger(ledger=parts.ledger(member), mirror=mirror, tree=parts.event_tree(member))
    return ProvingParts(
        sign_ledger=SignLedgerCheckpoint(
            view=view, clock=clock, domains=domains, institution=institution, signer=signer
        ),
        vouch=VouchForInstances(
            mirror=mirror, store=parts.store(), clock=clock, domains=domains, custodian=institution, signer=signer
        ),
    )


def _log(parts: Parts, member: str, institution: int, trouble: LogTrouble) -> LogParts:
    tree, logbook, key = JournalTree(parts.journal(member)), parts.logbook(member), parts.serving_keys(member).log
    origin = origin_of(parts.domains, institution)
    own: dict[str, Any] = {"tree": tree, "logbook": logbook, "clock": parts.clock, "trouble": trouble, "key": key}
    return LogParts(
        sign=SignCheckpoint(**own, steps=parts.steps, origin=origin),
        collect=CollectCosignatures(
            **own,
            mirror=parts.mirror(member),
            domains=parts.domains,
            institution=institution,
            doors=parts.log_doors,
        ),
        anchor=AnchorCheckpoint(logbook=logbook, anchors=parts.anchors(member), origin=origin),
        witness=WitnessCheckpoint(
            logbook=logbook,
            mirror=parts.mirror(member),
            clock=parts.clock,
            domains=parts.domains,
            steps=parts.steps,
            key=key,
            institution=institution,
        ),
        show=ShowLog(tree=tree, logbook=logbook, origin=origin),
    )


def _asking(parts: Parts, member: str, institution: int, journal: Journal, taken: Taken, seal: SealKeys) -> AskingParts:
    mirror, clock, domains = parts.mirror(member), parts.clock, parts.domains
    late, signer = LateHandOvers(journal), parts.serving_keys(member).sign
    return AskingParts(
        look_up=LookUpPatient(
            mirror=mirror,
            patients=parts.patients(member),
            journal=journal,
            clock=clock,
            domains=domains,
            custodian=institution,
        ),
        asks=AnswerAsks(
            mirror=mirror,
            journal=journal,
            asks=Asks(journal, clock.now()),
            clock=clock,
            domains=domains,
            custodian=institution,
        ),
        late=late,
        hand_over=EmergencyHandOver(
            judge=JudgeEmergency(mirror=mirror, journal=journal, taken=taken, clock=clock, domains=domains),
            journal=journal,
            seal=seal,
            domains=domains,
            steps=parts.steps,
            institution=institution,
            signer=signer,
        ),
        record_late=RecordLate(
            ledger=parts.ledger(member),
            mirror=mirror,
            journal=journal,
            late=late,
            clock=clock,
            domains=domains,
            steps=parts.steps,
            signer=signer,
        ),
    )
