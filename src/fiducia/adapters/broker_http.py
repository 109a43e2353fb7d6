"""A member's broker over HTTP, as `ports.Broker`.

Problems come back as the errors that they were; an answer that is not one of ours, or no answer in time,
is a LedgerUnreachableError: nothing is known of what was done, and the same call is safe to repeat.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

import httpx2
import orjson

from fiducia.core import wire
from fiducia.core.problems import from_problem
from fiducia.core.tlog.attestation import parse_attested
from fiducia.core.tlog.note import Note
from fiducia.errors import LedgerUnreachableError
from fiducia.records.images import HandOver, Release
from fiducia.records.ledger import Act, Receipt
from fiducia.records.provenance import SignedCheckpoint, VouchAsk, Vouched
from fiducia.records.statements import (
    EmergencyKeys,
    LateEmergency,
    LookedUp,
    SignedAsk,
    SignedAskList,
    SignedCollect,
    SignedDecline,
    SignedDeposit,
    SignedDestroy,
    SignedKeeping,
    SignedLookUp,
    StalledEmergency,
    WaitingAsks,
)
from fiducia.records.typed import Access

ANSWER_MAX_BYTES: Final = 4 << 20


class HttpBroker:
    """Talks to one broker; connections are kept."""

    def __init__(self, url: str, *, timeout_s: float = 60.0) -> None:
        """Take the broker's base URL, and how long one answer may take."""
        self._client = httpx2.Client(base_url=url, timeout=timeout_s, follow_redirects=False, trust_env=False)
        self._use = threading.Lock()
        self._asking = 0
        self._closed = False

    def relay(self, act: Act) -> Receipt:
        """Have a signed grant relayed."""
        return wire.decode(Receipt, self._post("/v1/grants", wire.encode(act)))

    def carry(self, act: Act) -> Receipt:
        """Have a signed act about a patient carried."""
        return wire.decode(Receipt, self._post("/v1/acts", wire.encode(act)))

    def revoke(self, act: Act) -> bool:
        """Have a signed revoke or restriction taken; True when the chain shows it."""
        answer = self._post("/v1/revocations", wire.encode(act))
        try:
            return bool(orjson.loads(answer)["on_chain"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise LedgerUnreachableError("the broker's answer is not one of a broker") from error

    def release(self, access: Access) -> Release:
        """Have a request decided and recorded."""
        return wire.decode(Release, self._post("/v1/releases", wire.encode(access)))

    def hand_over(self, access: Access) -> HandOver:
        """Collect sealed keys."""
        return wire.decode(HandOver, self._post("/v1/hand-overs", wire.encode(access)), limit_bytes=ANSWER_MAX_BYTES)

    def emergency(self, asked: StalledEmergency) -> EmergencyKeys:
        """Have the custodian hand over while the chain stalls."""
        answer = self._post("/v1/emergencies", wire.encode(asked))
        return wire.decode(EmergencyKeys, answer, limit_bytes=ANSWER_MAX_BYTES)

    def emergency_share(self, shown: LateEmergency) -> HandOver:
        """Have another trustee do so, on the custodian's word."""
        answer = self._post("/v1/emergencies/shares", wire.encode(shown))
        return wire.decode(HandOver, answer, limit_bytes=ANSWER_MAX_BYTES)

    def deposit(self, signed: SignedDeposit) -> SignedKeeping:
        """Have shares kept."""
        return wire.decode(SignedKeeping, self._post("/v1/deposits", wire.encode(signed)))

    def collect(self, signed: SignedCollect) -> HandOver:
        """Have shares given to a custodian that moves them."""
        return wire.decode(HandOver, self._post("/v1/collections", wire.encode(signed)), limit_bytes=ANSWER_MAX_BYTES)

    def destroy(self, signed: SignedDestroy) -> Note:
        """Have shares destroyed."""
        return parse_attested(self._post("/v1/destructions", wire.encode(signed)))

    def keeps_for(self, trustee: int) -> bool:
        """Tell whether deposits for a trustee wait there."""
        answer = self._ask("GET", f"/v1/deposits/waiting/{trustee}")
        try:
            return bool(orjson.loads(answer)["waiting"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise LedgerUnreachableError("the broker's answer is not one of a broker") from error

    def look_up(self, asked: SignedLookUp) -> LookedUp:
        """Learn which subject a patient ID is."""
        return wire.decode(LookedUp, self._post("/v1/look-ups", wire.encode(asked)), limit_bytes=ANSWER_MAX_BYTES)

    def ask(self, signed: SignedAsk) -> None:
        """Leave an access request."""
        self._post("/v1/asks", wire.encode(signed))

    def asks(self, asked: SignedAskList) -> WaitingAsks:
        """Return what waits for a patient's answer."""
        return wire.decode(WaitingAsks, self._post("/v1/asks/list", wire.encode(asked)))

    def decline(self, signed: SignedDecline) -> None:
        """Have an access request dropped."""
        self._post("/v1/asks/declines", wire.encode(signed))

    def checkpoint(self, block_number: int) -> SignedCheckpoint:
        """Return the member's word for the ledger up to a block."""
        return wire.decode(SignedCheckpoint, self._ask("GET", f"/v1/checkpoints/{block_number}"))

    def vouch(self, ask: VouchAsk) -> Vouched:
        """Return the custodian's signatures over instances."""
        return wire.decode(Vouched, self._post("/v1/provenance", wire.encode(ask)))

    def close(self) -> None:
        """Close kept connections; while somebody still waits for an answer, whoever is last does it."""
        with self._use:
            self._closed = True
            if self._asking:
                return
        self._client.close()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """A connection that is made while all are being closed would be kept by nobody: none is."""
        with self._use:
            if self._closed:
                raise LedgerUnreachableError("the connection to this broker was closed")
            self._asking += 1
        try:
            yield
        finally:
            with self._use:
                self._asking -= 1
                last = self._closed and not self._asking
            if last:
                self._client.close()

    def _post(self, path: str, body: bytes) -> bytes:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        try:
            with self._in_use(), self._client.stream(method, path, content=body) as response:
                answer = bytearray()
                for piece in response.iter_bytes():
                    answer += piece
                    if len(answer) > ANSWER_MAX_BYTES:
                        raise LedgerUnreachableError("the broker's answer is longer than any answer can be")
                if response.status_code >= 400:
                    raise from_problem(bytes(answer), response.status_code)
                return bytes(answer)
        except httpx2.HTTPError as error:
            raise LedgerUnreachableError("the broker does not answer; is it up? see `fiducia status`") from error
