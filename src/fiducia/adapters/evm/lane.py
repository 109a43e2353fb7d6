"""The relayer's account: nonces, signing, sending.

Owns that two threads or processes with one account never send two transactions under one nonce: a lock in
this process, and a lock on a file for the processes of one home. The next nonce is asked of the chain each
time, so nothing is kept that could be wrong after a crash. The account has no right on the ledger; it pays,
where gas costs anything. Source: EIP-155 (replay-protected legacy transactions, which every chain takes).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fiducia.adapters.evm.chain import number_of, said
from fiducia.adapters.evm.rpc import Answer, hexed
from fiducia.errors import ConfigError, LedgerUnreachableError, UnexpectedRevertError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_ATTEMPTS = 8
# Nodes say these in their own words; the numeric codes do not tell them apart.
_KNOWN = ("already known", "already in mempool", "already imported", "known transaction", "already in the mempool")
_NONCE_USED = ("nonce too low", "invalid nonce", "nonce is too low", "invalid sequence")
_EXPECTED = re.compile(r"expected (\d{1,18})\b")
_NONCE_TAKEN = ("underpriced",)
# A node that failed inside took nothing and refused nothing: evmd does so for new accounts that arrive together.
_FAILED_INSIDE = ("recovered:", "panic")
_FAILED_PAUSE_S = 0.25
_NO_FUNDS = ("insufficient funds", "insufficient balance", "insufficient fee")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a transaction is to do; `to` is None for the creation of a contract."""

    to: bytes | None
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed transaction that a node accepted; it is not included yet, and may be lost."""

    nonce: int
    hash: bytes
    raw: bytes


class Asker(Protocol):
    """Whatever asks a chain: an `Rpc`, or a `Chain` that is sure which one it asks."""

    def call(self, method: str, *params: Any) -> Answer:
        """Ask for one thing."""
        ...


class Lane:
    """Sends transactions of one account.

    Args:
        lock_path: a file that the processes of one home share; None when there is only this process.
        gas_price_wei: 0 on chains without fees, as the development chain is started.
    """

    def __init__(
        self, rpc: Asker, account: LocalAccount, chain_id: int, *, lock_path: Path | None = None, gas_price_wei: int = 0
    ) -> None:
        self._rpc = rpc
        self._account = account
        self._chain_id = chain_id
        self._lock_path = lock_path
        self._gas_price_wei = gas_price_wei
        self._lock = threading.Lock()

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""
        return bytes.fromhex(self._account.address[2:])

    def send(self, outgoing: Outgoing) -> Sent:
        """Send under the next free nonce.

        Raises:
            LedgerUnreachableError: no endpoint answers, or the nonce stays contested.
            ConfigError: the account cannot pay.
            UnexpectedRevertError: the node does not take it for another reason.
        """
        with self._alone():
            nonce, answer = self._count("pending"), Answer(None)
            for _ in range(_ATTEMPTS):
                sent = self._sign(nonce, outgoing)
                answer = self._rpc.call("eth_sendRawTransaction", hexed(sent.raw))
                if answer.fault is None or _means(answer, _KNOWN):
                    return sent
                if _means(answer, _NONCE_TAKEN):  # by one that this chain's "pending" does not count
                    nonce += 1
                elif _means(answer, _NONCE_USED):
                    nonce = self._next_after(nonce, answer)
                elif _means(answer, _FAILED_INSIDE):
                    time.sleep(_FAILED_PAUSE_S)
                    nonce = self._count("pending")
                else:
                    raise _not_taken(answer)
        raise LedgerUnreachableError(
            f"the chain endpoint takes no transaction of the relayer's ({said(answer)}); try again"
        )

    def _next_after(self, nonce: int, answer: Answer) -> int:
        """Return the nonce to try next: the one that the node says it expects, or the next that can be free.

        Some chains' "pending" counts a few waiting transactions only, and none of an account that is new.
        """
        expected = _EXPECTED.search(answer.fault.message) if answer.fault else None
        return int(expected[1]) if expected else max(self._count("pending"), nonce + 1)

    def send_at(self, nonce: int, outgoing: Outgoing) -> Sent:
        """Send under a given nonce, to fill a gap; that somebody filled it meanwhile is no error."""
        with self._alone():
            sent = self._sign(nonce, outgoing)
            self._rpc.call("eth_sendRawTransaction", hexed(sent.raw))
            return sent

    def send_again(self, sent: Sent) -> None:
        """Send the same bytes once more: a node may have lost them. Raises: LedgerUnreachableError."""
        self._rpc.call("eth_sendRawTransaction", hexed(sent.raw))

    def mined(self) -> int:
        """Return the chain's own next nonce: how many transactions of the account are included."""
        return self._count("latest")

    def _count(self, tag: str) -> int:
        return number_of(self._rpc.call("eth_getTransactionCount", hexed(self.address), tag))

    def _sign(self, nonce: int, outgoing: Outgoing) -> Sent:
        fields: dict[str, Any] = {
            "nonce": nonce,
            "gasPrice": self._gas_price_wei,
            "gas": outgoing.gas,
            "value": 0,
            "data": outgoing.data,
            "chainId": self._chain_id,
        }
        signed = self._account.sign_transaction(fields | ({"to": outgoing.to} if outgoing.to else {}))
        return Sent(nonce, bytes(signed.hash), bytes(signed.raw_transaction))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lane from asking for the nonce until the node has the transaction."""
        with self._lock:
            if self._lock_path is None:
                yield
                return
            # The system lets go of the lock when the process ends, however it ends.
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)


def account_of(secret: bytes) -> LocalAccount:
    """Return the account of a 32-byte private key: it sends transactions, and signs nothing else."""
    from eth_account import Account  # takes most of a second to load, and many commands only read

    account: LocalAccount = Account.from_key(secret)
    return account


def _means(answer: Answer, words: tuple[str, ...]) -> bool:
    text = answer.fault.message.lower() if answer.fault else ""
    return any(word in text for word in words)


def _not_taken(answer: Answer) -> Exception:
    if _means(answer, _NO_FUNDS):
        return ConfigError("the relayer's account cannot pay for gas: fund it, or use a chain without fees")
    return UnexpectedRevertError(f"the chain endpoint does not take the transaction ({said(answer)})")
