"""Dealing a study's keys to its trustees: each share sealed to one member's broker, and acknowledged by it.

    1. the custodian's own shares and the others, sealed to their trustees, into the vault, all or none: from here on
       nothing at the custodian opens a key alone, because what is sealed to others it cannot open either
    2. send each trustee its deposit; count who holds its shares durably and signed that it does
    3. enough (t + 1 where n > t): the study may be anchored; what is acknowledged is destroyed here
    4. the rest is sent again and again by the custodian's broker (`DeliverRest`), until each is acknowledged

A crash before step 1 leaves nothing; later ones leave deposits of a deal that nobody anchored, which open nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fiducia.core import ids, wire
from fiducia.core.keys.custody import Custody, CustodyRule
from fiducia.core.keys.sealing import seal_deposit
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.signatures import recover_or_none
from fiducia.core.typed_data import Domains
from fiducia.errors import FiduciaError, ShareError, TrusteeError
from fiducia.journeys.shared.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.trustees.shares import named_shares
from fiducia.ports import Broker, Clock, Journal, Mirror, Signer, Steps, Vault
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import KeyKind
from fiducia.records.statements import Deposit, SignedDeposit, SignedKeeping

DELIVERED = "share_delivered"
WAITING = "deal/"
"""Where a custodian's vault keeps, sealed to their trustees, the shares that are not acknowledged yet."""

RETRY_S = 30
"""How long the custodian's broker waits before it sends a deposit again."""


@dataclass(frozen=True, slots=True)
class Deal:
    """What one revision deals.

    Attributes:
        subject: whose study it is (20 bytes).
        custody: the custody document.
        digest: its SHA-256.
        shares: per new series the shares of all trustees, in their order.
    """

    subject: bytes
    custody: Custody
    digest: bytes
    shares: Sequence[Sequence[SeriesShare]] = field(repr=False)


class DealShares:
    """Deal to the trustees, and return once enough of them hold their shares.

    Example:
        ``DealShares(mirror=mirror, vault=vault, journal=journal, clock=clock, domains=domains, steps=steps,
        broker_of=broker_of, signer=broker_sign, custodian=1, rule=CustodyRule(2, (1, 2, 3))).run(deal)``
    """

    def __init__(
        self,
        *,
        mirror: Mirror,
        vault: Vault,
        journal: Journal,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        broker_of: Callable[[int], Broker],
        signer: Signer,
        custodian: int,
        rule: CustodyRule | None = None,
        at_once: AskAtOnce = ask_at_once,
    ) -> None:
        """Take the ports; `signer` is the custodian's BROKER_SIGN key, `rule` that of new studies (default: itself)."""
        self.rule = rule or CustodyRule(1, (custodian,))
        self._mirror = mirror
        self._vault = vault
        self._journal = journal
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._broker_of = broker_of
        self._signer = signer
        self._custodian = custodian
        self._at_once = at_once

    def run(self, deal: Deal) -> None:
        """Deal, durably.

        Raises:
            TrusteeError: fewer hold their shares than must; nothing may be anchored, and the same call deals anew.
            VaultError, LedgerError: a part failed.
        """
        trustees = deal.custody.trustees
        own = self._custodian in trustees
        deposits = self._deposits(deal)
        secrets = {waiting_name(signed): wire.encode(signed) for signed in deposits.values()}
        if own:
            mine = deal.custody.share_index(self._custodian)
            secrets |= named_shares(deal.custody, [shares[mine - 1] for shares in deal.shares])
        self._vault.put(secrets)
        self._steps.reached("register.keys-deposited")
        if deposits:
            self._deliver(deal.custody.rule, deposits, int(own))

    def deliver(self, signed: SignedDeposit) -> None:
        """Send one deposit to its trustee, and forget it once that holds it durably.

        It is signed anew: the key that signed it first may have been replaced since.

        Raises:
            ShareError: what came back is no keeping that the trustee signed. VaultError, JournalError.
            And what the trustee's broker raises.
        """
        deposit = signed.deposit
        signed = SignedDeposit(deposit, signed.sealed, self._signer.sign(self._domains.digest(deposit)))
        self._note(signed, self._send(signed))

    def _deposits(self, deal: Deal) -> dict[int, SignedDeposit]:
        others = [trustee for trustee in deal.custody.trustees if trustee != self._custodian]
        state = self._mirror.catch_up() if others else self._mirror.state()
        found = {}
        for trustee in others:
            key = state.key(trustee, KeyKind.BROKER_KEM, self._clock.now())
            if key is None:
                raise TrusteeError(f"institution {trustee} is to be a trustee and has no BROKER_KEM key on the ledger")
            index = deal.custody.share_index(trustee)
            sealed = seal_deposit(
                [shares[index - 1] for shares in deal.shares],
                recipient=key.key,
                study_id=deal.custody.study_id,
                custody=deal.digest,
                trustee=trustee,
            )
            deposit = Deposit(
                deal.custody.study_id,
                deal.subject,
                self._custodian,
                trustee,
                deal.digest,
                hashlib.sha256(sealed).digest(),
            )
            found[trustee] = SignedDeposit(deposit, sealed, self._signer.sign(self._domains.digest(deposit)))
        return found

    def _deliver(self, rule: CustodyRule, deposits: Mapping[int, SignedDeposit], holding: int) -> None:
        """Send all at once, and wait for as many as it takes; the others are `DeliverRest`'s."""
        troubles: dict[int, FiduciaError] = {}
        for trustee, answer in self._at_once({trustee: self._sending(signed) for trustee, signed in deposits.items()}):
            if isinstance(answer, FiduciaError):
                troubles[trustee] = answer
                continue
            try:
                self._note(deposits[trustee], answer)
            except ShareError as error:
                troubles[trustee] = error
                continue
            holding += 1
            if holding >= rule.acknowledged:
                break
        if holding < rule.acknowledged:
            raise TrusteeError(
                f"{holding} of the {rule.acknowledged} trustees that must hold the new keys do; "
                f"{told(troubles)}: nothing was anchored; the same command goes on when they answer"
            )
        self._steps.reached("register.shares-acknowledged")

    def _sending(self, signed: SignedDeposit) -> Callable[[], SignedKeeping]:
        return lambda: self._send(signed)

    def _send(self, signed: SignedDeposit) -> SignedKeeping:
        return self._broker_of(signed.deposit.trustee).deposit(signed)

    def _note(self, signed: SignedDeposit, answer: SignedKeeping) -> None:
        """Believe a keeping that the trustee signed: note it durably, then forget what it holds."""
        deposit, keeping = signed.deposit, answer.keeping
        if (keeping.study_id, keeping.trustee, keeping.custody, keeping.sealed) != (
            deposit.study_id,
            deposit.trustee,
            deposit.custody,
            deposit.sealed,
        ):
            raise ShareError(f"institution {deposit.trustee} acknowledged another deposit")
        digest = self._domains.digest(keeping)
        if not signed_by(self._mirror, deposit.trustee, digest, answer.signature, self._clock.now()):
            raise ShareError(f"institution {deposit.trustee} published no broker that signed this acknowledgement")
        entry = JournalEntry(DELIVERED, self._clock.now(), deposit.study_id, wire.encode(answer).decode())
        self._journal.append([entry])
        self._steps.reached("deal.noted")
        self._vault.remove((waiting_name(signed),))


class DeliverRest:
    """Send what is not acknowledged yet; run again and again by the custodian's broker.

    Example:
        ``DeliverRest(vault=vault, clock=clock, deal=deal).run()``
    """

    def __init__(self, *, vault: Vault, clock: Clock, deal: DealShares) -> None:
        self._vault = vault
        self._clock = clock
        self._deal = deal
        self._not_before: dict[str, int] = {}

    def run(self) -> int:
        """Try each whose time has come; returns how many still wait. Raises: VaultError, JournalError."""
        names, now = self._vault.names(WAITING), self._clock.now()
        self._not_before = {name: at for name, at in self._not_before.items() if name in names}
        return sum(not self._try(name, now) for name in names)

    def keeps_for(self, trustee: int) -> bool:
        """Tell whether any for a trustee waits. Raises: VaultError."""
        return any(name.endswith(f"/{trustee}") for name in self._vault.names(WAITING))

    def _try(self, name: str, now: int) -> bool:
        """One that does not answer, or refuses, must not keep the others waiting."""
        if now < self._not_before.get(name, 0):
            return False
        self._not_before[name] = now + RETRY_S
        try:
            self._deal.deliver(wire.decode(SignedDeposit, self._vault.get(name)))
        except FiduciaError:
            return False
        return True


def waiting_name(signed: SignedDeposit) -> str:
    """Return under which name a custodian's vault keeps a deposit."""
    deposit = signed.deposit
    return f"{WAITING}{deposit.study_id.hex()}/{deposit.custody.hex()}/{deposit.trustee}"


def signed_by(mirror: Mirror, institution: int, digest: bytes, signature: bytes, now: int) -> bool:
    """Tell whether an institution's broker signed, by a key that it published. Raises: LedgerError."""
    signer = recover_or_none(digest, signature)
    if signer is None:
        return False
    key_hash = ids.key_hash(KeyKind.BROKER_SIGN, signer)
    states = (mirror.state, mirror.catch_up)
    return any(now < state().key_end(institution, KeyKind.BROKER_SIGN, key_hash) for state in states)


def told(troubles: Mapping[int, FiduciaError]) -> str:
    """Return who failed and why, for people."""
    named = (
        str(error) if isinstance(error, ShareError) else f"institution {number}: {error}"  # it names who is at fault
        for number, error in sorted(troubles.items())
    )
    return "; ".join(named) or "no other is asked"
