"""What the chain adapter's unit tests share: a chain that is never asked, and one plan per act."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import Any, cast

from fiducia.adapters.evm import abi, acts
from fiducia.adapters.evm.acts import Plan
from fiducia.adapters.evm.chain import Chain, Question
from fiducia.core.typed_data import Domains
from fiducia.records.ledger import Act, Head, KeyKind, RecordAct
from tests.support.signers import Signers

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
        return Head(1, bytes(32), 1), [((1, 1, 0, 1),) for _ in questions]


def plan(make: Callable[[Signers], Act]) -> Callable[[Signers], Plan]:
    """Return how an act's plan is made."""
    return lambda c: acts.plan_of(cast(Chain, DeafChain()), make(c))


def batch(c: Signers) -> Plan:
    """Return three releases recorded in one call."""
    grant = c.grant(bytes(32)).grant
    data = acts.batch_data([c.access(bytes(32), grant) for _ in range(3)])
    return Plan("Releases", data, lambda chain: False, ())


ALL_ACTS: dict[str, Callable[[Signers], Plan]] = {
    "admit": plan(lambda c: c.admit("governor 3")),
    "publish": plan(lambda c: c.publish(1, KeyKind.LOG, b"key", endpoint="https://é.example")),
    "withdraw a person": plan(lambda c: c.withdraw_person(c.person)),
    "raise a badge epoch": plan(lambda c: c.raise_badge_epoch(1)),
    "enrol": plan(lambda c: c.enrol()),
    "anchor": plan(lambda c: c.anchor()),
    "anchor many": plan(lambda c: c.anchor(3)),
    "revise": plan(lambda c: c.revise(bytes(32), 2)),
    "grant": plan(lambda c: c.grant(bytes(32))),
    "revoke": plan(lambda c: c.revoke(c.grant(bytes(32)).grant)),
    "revoke as staff": plan(lambda c: c.revoke_as_grantee(c.grant(bytes(32)).grant)),
    "revoke all": plan(lambda c: c.revoke_all()),
    "record": plan(lambda c: RecordAct(c.access(bytes(32), c.grant(bytes(32)).grant))),
    "record own": plan(lambda c: RecordAct(c.own_access(bytes(32)))),
    "record many": batch,
}
