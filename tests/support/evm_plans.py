"""What the chain adapter's unit tests share: chains that are never asked, and at least one plan per act."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import Any, cast

from fiducia.adapters.evm import abi, acts
from fiducia.adapters.evm.acts import Plan
from fiducia.adapters.evm.chain import Chain, Question
from fiducia.core.typed_data import Domains
from fiducia.records.ledger import Act, CompleteRecoveryAct, GrantBatchAct, Head, KeyKind, RecordAct, RecordLateAct
from fiducia.records.typed import Grant
from tests.support import deeds
from tests.support.signers import Signers, key
from tests.support.staff import OFFICER_3, OFFICER_A, OFFICER_B, REGISTRAR_A

DOMAINS = Domains(31337, *(bytes([number]) * 20 for number in range(1, 6)))


def built_abi(contract: str) -> Any:
    """Return a contract's ABI as it was built."""
    return json.loads(resources.files("fiducia.adapters.evm").joinpath("artifacts", f"{contract}.json").read_text())[
        "abi"
    ]


def components(contract: str, function: str, place: int) -> Any:
    """Return the members of a function's struct argument."""
    for entry in built_abi(contract):
        if function in (entry.get("name"), entry["type"]):
            return entry["inputs"][place]["components"]
    raise AssertionError(function)


class DeafChain:
    """A chain that knows custodian 1 for everybody."""

    def view(self, contract: str, function: str, *arguments: Any) -> Question:
        return Question(contract, function, bytes(20), abi.call_data(contract, function, *arguments))

    def ask(self, *questions: Question) -> tuple[Head, list[tuple[Any, ...]]]:
        return Head(1, bytes(32), 1), [((1, 1, 0, 1, 1, 0),) for _ in questions]


class ToldChain(DeafChain):
    """A chain whose views answer what it was told, by the view's name."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def ask(self, *questions: Question) -> tuple[Head, list[tuple[Any, ...]]]:
        found = (self.answers[question.function] for question in questions)
        # What is told as a list has several results.
        return Head(1, bytes(32), 1), [tuple(each) if isinstance(each, list) else (each,) for each in found]


def plan(make: Callable[[Signers], Act]) -> Callable[[Signers], Plan]:
    """Return how an act's plan is made."""
    return lambda c: acts.plan_of(cast(Chain, DeafChain()), make(c))


def batch(c: Signers) -> Plan:
    """Return three releases recorded in one call."""
    grant = c.grant(bytes(32)).grant
    data = acts.batch_data([c.access(bytes(32), grant) for _ in range(3)])
    return Plan("Releases", data, lambda chain: False, ())


def grant(c: Signers) -> Grant:
    """Return some grant."""
    return c.grant(bytes(32)).grant


def emergency(c: Signers) -> Grant:
    """Return some emergency's grant."""
    return deeds.in_emergency(c, bytes(32)).grant


def grant_batch(c: Signers) -> GrantBatchAct:
    """Return grants on several bases, to be given together."""
    return GrantBatchAct((c.grant(bytes(32)), deeds.on_paper(c, bytes(32)), deeds.in_emergency(c, bytes(32))))


def late(c: Signers) -> RecordLateAct:
    """Return a hand-over during a stall."""
    return deeds.record_late(c, deeds.emergency_access(c, bytes(32), emergency(c)), c.now)


NEW, MOTHER = key("a new signer"), key("mother")
STUDY = bytes(32)

MADE: dict[str, Callable[[Signers], Act]] = {
    "admit": lambda c: c.admit("governor 3"),
    "suspend": lambda c: deeds.suspend(c, 2, 1, 3, round=1),
    "reinstate": lambda c: deeds.reinstate(c, 2, 1, 3, round=2),
    "replace a governor": lambda c: deeds.replace_governor(c, 2, "governor 2b", 1, 3, round=3),
    "change exports": lambda c: deeds.change_exports(c, 2, 0b111, 1, 2, 3, round=4),
    "narrow exports": lambda c: deeds.narrow_exports(c, 2, 0b10, round=4),
    "publish": lambda c: c.publish(1, KeyKind.LOG, b"key", endpoint="https://é.example"),
    "withdraw a person": lambda c: c.withdraw_person(c.person),
    "raise a badge epoch": lambda c: c.raise_badge_epoch(1),
    "enrol": lambda c: c.enrol(),
    "enrol without a device": deeds.enrol_without_device,
    "enrol many": lambda c: deeds.enrol_batch(c, key("one"), None, key("two")),
    "rotate": lambda c: deeds.rotate(c, NEW, serial=1),
    "appoint": lambda c: deeds.appoint(c, MOTHER, serial=1),
    "appoint as staff": lambda c: deeds.appoint(c, MOTHER, OFFICER_A, REGISTRAR_A, serial=1),
    "veto an appointment": lambda c: deeds.veto_appointment(c, deeds.appoint(c, MOTHER, serial=1).appoint),
    "dismiss": lambda c: deeds.dismiss(c, MOTHER, serial=2),
    "dismiss as officers": lambda c: deeds.dismiss(c, MOTHER, OFFICER_A, OFFICER_B, OFFICER_3, serial=2),
    "restrict": lambda c: deeds.restrict(c),
    "restrict as an officer": lambda c: deeds.restrict(c, OFFICER_A),
    "lift": lambda c: deeds.lift(c),
    "recover": lambda c: deeds.recover(c, NEW, serial=0),
    "veto a recovery": lambda c: deeds.veto_recovery(c, deeds.recover(c, NEW, serial=0).recover),
    "complete a recovery": lambda c: CompleteRecoveryAct(c.subject),
    "transfer": lambda c: deeds.transfer(c, 2, key("registrar of B"), serial=1),
    "anchor": lambda c: c.anchor(),
    "anchor many": lambda c: c.anchor(3),
    "revise": lambda c: c.revise(STUDY, 2),
    "withdraw a study": lambda c: deeds.withdraw(c, STUDY),
    "withdraw a revision": lambda c: deeds.withdraw(c, STUDY, 1),
    "retain": lambda c: deeds.retain(c, STUDY, 40_000),
    "hold": lambda c: deeds.hold(c, STUDY),
    "lift a hold": lambda c: deeds.lift_hold(c, STUDY),
    "request erasure": lambda c: deeds.request_erasure(c, STUDY),
    "erase": lambda c: deeds.erase(c, STUDY, bytes([1]) * 32),
    "grant": lambda c: c.grant(STUDY),
    "grant in an emergency": lambda c: deeds.in_emergency(c, STUDY),
    "grant many": grant_batch,
    "revoke": lambda c: c.revoke(grant(c)),
    "revoke as staff": lambda c: c.revoke_as_grantee(grant(c)),
    "revoke all": lambda c: c.revoke_all(),
    "review": lambda c: deeds.review(c, emergency(c)),
    "record": lambda c: RecordAct(c.access(STUDY, grant(c))),
    "record own": lambda c: RecordAct(c.own_access(STUDY)),
    "record late": late,
}
"""At least one act of every kind."""

ALL_ACTS: dict[str, Callable[[Signers], Plan]] = {
    **{name: plan(make) for name, make in MADE.items()},
    "record many": batch,
}
