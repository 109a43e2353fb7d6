"""Having trustees destroy shares that open nothing any more: orders in the custodian's vault, told until attested.

An order is kept before the revision that makes it due is anchored; a trustee obeys when its own ledger shows that
revision (`giving_up`), and the custodian's broker tells it again and again until then.
"""

from __future__ import annotations

from collections.abc import Callable

from fiducia.core import wire
from fiducia.core.attesting import require_attested_by
from fiducia.core.keys.custody import Custody, custody_digest
from fiducia.core.tlog.attestation import parse_destroyed
from fiducia.core.tlog.note import Note
from fiducia.core.typed_data import Domains
from fiducia.errors import FiduciaError, KeyMissingError, ShareError, SignatureError
from fiducia.journeys.trustees.giving_up import DESTROYED
from fiducia.ports import Broker, Clock, Journal, Mirror, Signer, Steps, Vault
from fiducia.records.images import JournalEntry
from fiducia.records.statements import Destroy, SignedDestroy

DESTROYING = "destroy/"
"""Where a custodian's vault keeps the orders to destroy that are not attested yet."""

RETRY_S = 30


class TellDestroy:
    """Tell trustees to destroy what was dealt anew, until each attests it; also run again and again by the broker.

    Example:
        ``TellDestroy(broker_of=broker_of, mirror=mirror, vault=vault, journal=journal, clock=clock, domains=domains,
        steps=steps, signer=broker_sign).run()``
    """

    def __init__(
        self,
        *,
        broker_of: Callable[[int], Broker],
        mirror: Mirror,
        vault: Vault,
        journal: Journal,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        signer: Signer,
    ) -> None:
        """Take the ports; `signer` is the custodian's BROKER_SIGN key."""
        self._broker_of = broker_of
        self._mirror = mirror
        self._vault = vault
        self._journal = journal
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._signer = signer
        self._not_before: dict[str, int] = {}

    def run(self) -> int:
        """Tell each whose time has come; returns how many still wait. Raises: VaultError, JournalError."""
        now, waiting = self._clock.now(), 0
        for name in self._vault.names(DESTROYING):
            if now >= self._not_before.get(name, 0):
                self._not_before[name] = now + RETRY_S
                waiting += not self._tell(name)
            else:
                waiting += 1
        return waiting

    def order(self, custody: Custody, custodian: int) -> None:
        """Keep orders to destroy a deal, one a trustee, before the revision that makes them due is anchored.

        So a crash right after it does not forget them; trustees refuse them until their own ledger has it. Raises:
        VaultError.
        """
        digest = custody_digest(custody.to_bytes())
        orders = {}
        for trustee in custody.trustees:
            destroy = Destroy(custody.study_id, custodian, trustee, digest)
            signed = SignedDestroy(destroy, self._signer.sign(self._domains.digest(destroy)))
            orders[f"{DESTROYING}{custody.study_id.hex()}/{digest.hex()}/{trustee}"] = wire.encode(signed)
        self._vault.put(orders)

    def tell(self, study_id: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tell all of one study now; returns who attested, and who did not. Raises: VaultError, JournalError."""
        names = self._vault.names(f"{DESTROYING}{study_id.hex()}/")
        done = {name: self._tell(name) for name in names}
        by_trustee = {int(name.rsplit("/", 1)[1]): attested for name, attested in done.items()}
        return (
            tuple(sorted(trustee for trustee, attested in by_trustee.items() if attested)),
            tuple(sorted(trustee for trustee, attested in by_trustee.items() if not attested)),
        )

    def _tell(self, name: str) -> bool:
        """One that does not answer, or may not yet, must not keep the others waiting."""
        try:
            destroy = wire.decode(SignedDestroy, self._vault.get(name)).destroy
        except KeyMissingError:
            return True  # another process of this member was faster: it is attested
        # Signed anew: the key that signed it first may have been replaced since.
        order = SignedDestroy(destroy, self._signer.sign(self._domains.digest(destroy)))
        try:
            answer = self._broker_of(order.destroy.trustee).destroy(order)
            self._require(order, answer)
        except FiduciaError:
            return False
        at = self._clock.now()
        entry = JournalEntry(DESTROYED, at, order.destroy.study_id, bytes(answer).decode())
        self._journal.append([entry])
        self._steps.reached("custody.attested")
        self._vault.remove((name,))
        return True

    def _require(self, order: SignedDestroy, answer: Note) -> None:
        """Believe it when the trustee's LOG key counts now, and at the time that it names."""
        asked, said = order.destroy, parse_destroyed(answer.text)
        if (said.study_id, said.trustee, said.custody) != (asked.study_id, asked.trustee, asked.custody):
            raise ShareError(f"institution {asked.trustee} attests something else")
        at = max(self._clock.now(), said.destroyed_at)
        try:
            require_attested_by(answer, asked.trustee, at, self._mirror.state(), self._domains)
        except SignatureError:  # its key may have been published since
            require_attested_by(answer, asked.trustee, at, self._mirror.catch_up(), self._domains)
