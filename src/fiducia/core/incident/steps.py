"""Containment by command: what to run, in this order, and why; words in capitals are for people to fill in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.answers import Answers
from fiducia.core.entries import PublishedKey
from fiducia.core.incident.affected import Effects
from fiducia.core.incident.exposure import Exposure, subjects_of_signer
from fiducia.records.ledger import KeyKind

_IN_A_LINE_BYTES = 65
"""Longer public keys are not printed into a command: the profile's own is meant."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what it is for."""

    command: str
    why: str


def contain(state: Answers, what: Exposure, effects: Effects, names: Mapping[int, str]) -> tuple[Step, ...]:
    """Return the commands that stop it, the quickest first.

    Args:
        state: the replayed ledger.
        what: what somebody else has.
        effects: what came of it.
        names: institutions' profiles, as far as they are known; others are named by number.
    """
    steps = [*_institutions(what, names), *_patients(state, what, effects, names)]
    # Custody moves between living keys, so shares come last.
    steps += [*_ends(state, what, names), *_back(state, what, names), *_shares(state, effects, names)]
    return tuple({step.command: step for step in steps}.values())


def _institutions(what: Exposure, names: Mapping[int, str]) -> Iterator[Step]:
    for institution in sorted({*what.homes, *what.governors}):
        name = _name(names, institution)
        yield Step(f"fiducia member suspend {name}", "nothing is released to it and it gives nothing, while you go on")
        yield Step(f"fiducia member replace-governor {name}", "the former governor publishes no key any more")
    for person in what.persons:
        own = _name(names, ids.institution_of(person))
        yield Step(f"fiducia badge withdraw 0x{person.hex()} --as {own}", "no badge of this person counts from now on")
    for institution in sorted({key.institution for key in what.keys if key.kind == KeyKind.ISSUER}):
        own = _name(names, institution)
        yield Step(f"fiducia badge end-all --as {own}", "raises the badge epoch: every badge that it signed ends")


def _ends(state: Answers, what: Exposure, names: Mapping[int, str]) -> Iterator[Step]:
    for key in _live(state, what):
        kind, own = KeyKind(key.kind), _name(names, key.institution)
        given = f" --key 0x{key.key.hex()}" if len(key.key) <= _IN_A_LINE_BYTES else ""
        yield Step(f"fiducia key publish {kind.name}{given} --end --as {own}", _why_ended(kind))
    for institution in sorted({key.institution for key in what.keys if key.kind == KeyKind.LOG}):
        name = _name(names, institution)
        yield Step(f"fiducia audit log {name}", "what it signed is held against what was seen, anchored and cosigned")


def _back(state: Answers, what: Exposure, names: Mapping[int, str]) -> Iterator[Step]:
    """A suspended institution ends keys, and publishes none: so it is reinstated in between."""
    for institution in sorted({*what.homes, *what.governors}):
        yield Step(f"fiducia member reinstate {_name(names, institution)}", "once its old keys have ended")
    for kind, institution in dict.fromkeys((KeyKind(key.kind), key.institution) for key in _live(state, what)):
        own = _name(names, institution)
        yield Step(f"fiducia key rotate {kind.name} --as {own}", "the key that takes its place")
        yield Step(f"fiducia key rotate {kind.name} --finish --now --as {own}", "and the one of before is forgotten")


def _live(state: Answers, what: Exposure) -> tuple[PublishedKey, ...]:
    return tuple(key for key in what.keys if key.not_after > state.head.time_at)


def _why_ended(kind: KeyKind) -> str:
    return {
        KeyKind.REGISTRAR: "it enrols and anchors nothing any more",
        KeyKind.ISSUER: "no badge that it signs counts",
        KeyKind.GATEWAY: "nothing more is sealed to it, and its open releases close",
        KeyKind.BROKER_KEM: "nothing more is deposited with it; first let waiting deposits arrive",
        KeyKind.BROKER_SIGN: "no acknowledgement, hand-over or late record of its counts",
        KeyKind.LOG: "no checkpoint or attestation that it signs counts",
    }[kind]


def _patients(state: Answers, what: Exposure, effects: Effects, names: Mapping[int, str]) -> Iterator[Step]:
    for signer in what.signers:
        for subject in subjects_of_signer(state, signer):
            yield from _of_signer(state, subject, signer, names)
    for appointed in effects.appointments:
        who, named = f"0x{appointed.subject.hex()}", f"0x{appointed.representative.hex()}"
        if appointed.from_at > state.head.time_at:
            yield Step(
                f"fiducia patient veto {who} --appointment {named} --as PATIENT", "it waits: stop it, unless meant"
            )
        else:
            dismiss = f"fiducia representative dismiss {named} --subject {who} --as PATIENT"
            yield Step(dismiss, "appointed since: an unknown one must go")
    for subject in effects.recoveries:
        yield Step(
            f"fiducia patient veto 0x{subject.hex()} --as PATIENT", "another signer waits: stop it, unless meant"
        )
    for grant in effects.grants:
        if grant.live:
            own = _custodian(state, grant.subject, names)
            yield Step(f"fiducia grant revoke 0x{grant.grant_id.hex()} --as {own}", "given since: revoke, unless meant")


def _of_signer(state: Answers, subject: bytes, signer: bytes, names: Mapping[int, str]) -> Iterator[Step]:
    entry, own, who = state.subject(subject), _custodian(state, subject, names), f"0x{subject.hex()}"
    yield Step(
        f"fiducia patient restrict {who} --as {own}", "nothing opens on the patient's word while it is cleared up"
    )
    if state.representative(subject, signer) is not None:
        yield Step(f"fiducia representative dismiss 0x{signer.hex()} --subject {who} --as PATIENT", "its powers end")
    if entry is not None and entry.signer_hash == signer:
        yield Step("fiducia patient rotate --as PATIENT", "where the patient still has the key: it signs nothing new")
        recover = f"fiducia patient recover {who} --as {own} --with OFFICER --with OFFICER_OF_ANOTHER_INSTITUTION"
        yield Step(recover, "where the patient has lost it: another key, after the delay")
    yield Step(f"fiducia grant revoke --all --subject {who} --as PATIENT", "every grant ends; the patient grants anew")


def _shares(state: Answers, effects: Effects, names: Mapping[int, str]) -> Iterator[Step]:
    """Known keys are replaced by fresh ones, lone shares dealt anew; known keys open the ciphertext that is out."""
    for each in effects.shares:
        own, study = _custodian(state, each.subject, names), f"0x{each.study_id.hex()}"
        if each.opens:
            yield Step(
                f"fiducia study rekey {study} --as {own}",
                "sealed anew under fresh keys (where several open it, after moving its custody to its hospital alone); "
                "the old keys open the old objects, so take those off the stores",
            )
        else:
            yield Step(
                f"fiducia study move-custody {study} --to MEMBER --to MEMBER --threshold 2 --as {own}",
                "dealt anew to others: the shares that lay open are of no use with new ones",
            )


def _custodian(state: Answers, subject: bytes, names: Mapping[int, str]) -> str:
    entry = state.subject(subject)
    return _name(names, entry.custodian if entry else 0)


def _name(names: Mapping[int, str], institution: int) -> str:
    return names.get(institution) or str(institution)
