"""Sending what was signed so that the same order again sends the same act.

A signed act is kept before it is sent and forgotten when it is final. After a crash, or a chain that did not finish in
time, the same order finds it and sends it again; the ledger knows what took effect already. What the ledger refuses
for good is forgotten: then something else was decided in between, and the order is signed anew. So it is where an act
took effect unseen and was undone since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fiducia.core import wire
from fiducia.errors import EncodingError, InputError, KeyMissingError
from fiducia.ports import Steps, Vault
from fiducia.records.ledger import Act, Receipt

TERMS = "terms/"
"""Where a vault keeps, by their digest, the salt (32 bytes) and the words that a signature is bound to."""

_Act = TypeVar("_Act", bound=Act)


@dataclass(frozen=True, slots=True)
class Drawn(Generic[_Act]):
    """A signed act, and the secrets by name that must be kept with it for good."""

    act: _Act
    beside: Mapping[str, bytes] = field(default_factory=dict)


class KeptActs:
    """Keeps, sends and forgets acts; one order has one act.

    Example:
        ``KeptActs(vault=vault, steps=steps).send("lift", (subject,), draw_up, broker.carry)``
    """

    def __init__(self, *, vault: Vault, steps: Steps) -> None:
        self._vault = vault
        self._steps = steps

    def send(
        self,
        verb: str,
        order: tuple[bytes, ...],
        draw_up: Callable[[], Drawn[_Act]],
        carry: Callable[[Act], Receipt],
        stands: Callable[[], bool] = lambda: True,
    ) -> Receipt:
        """Send the act of an interrupted run, or a new one.

        Args:
            verb: what is done.
            order: everything that makes one order differ from another of the verb.
            draw_up: signs a new act.
            carry: sends it.
            stands: asked after a kept act was carried: whether what was ordered is so now, for acts that others undo.

        Raises:
            LedgerError: not done, or not final yet; the same order finishes it. What `draw_up` and `carry` raise.
        """
        name = _name(verb, order)
        kept = self._find(name)
        if kept is not None:
            try:
                receipt = self._carry(name, kept, carry)
            except InputError:
                self._vault.remove((name,))
            else:
                if stands():
                    return receipt
        drawn = draw_up()
        self._vault.put({**drawn.beside, name: wire.encode(drawn.act)})
        self._steps.reached("act.kept")
        try:
            return self._carry(name, drawn.act, carry)
        except InputError:
            self._vault.remove((name, *drawn.beside))
            raise

    def waits(self, verb: str, order: tuple[bytes, ...]) -> bool:
        """Tell whether an act of this order was signed and is not known to be final."""
        return self._find(_name(verb, order)) is not None

    def _carry(self, name: str, act: Act, carry: Callable[[Act], Receipt]) -> Receipt:
        receipt = carry(act)
        self._steps.reached("act.carried")
        self._vault.remove((name,))
        return receipt

    def _find(self, name: str) -> Act | None:
        try:
            return wire.decode_act(self._vault.get(name))
        except (KeyMissingError, EncodingError):
            return None


def terms_beside(terms: bytes, salt: bytes, words: str) -> dict[str, bytes]:
    """Return what must be kept so that the words behind a salted digest can be proved later."""
    return {f"{TERMS}{terms.hex()}": salt + words.encode()}


def _name(verb: str, order: tuple[bytes, ...]) -> str:
    parts = b"".join(len(part).to_bytes(4, "big") + part for part in order)
    return f"kept/{verb}/{hashlib.sha256(parts).hexdigest()}"
