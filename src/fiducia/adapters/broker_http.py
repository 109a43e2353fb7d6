"""A member's broker over HTTP, as `ports.Broker`.

Problems come back as the errors that they were; an answer that is not one of ours, or no answer in time,
is a LedgerUnreachableError: nothing is known of what was done, and the same call is safe to repeat.
"""

from __future__ import annotations

from typing import Final

import httpx2
import orjson

from fiducia.core import wire
from fiducia.core.problems import from_problem
from fiducia.errors import LedgerUnreachableError
from fiducia.records.images import HandOver, Release
from fiducia.records.ledger import Act, Receipt
from fiducia.records.typed import Access

ANSWER_MAX_BYTES: Final = 4 << 20


class HttpBroker:
    """Talks to one broker; connections are kept."""

    def __init__(self, url: str, *, timeout_s: float = 60.0) -> None:
        """Take the broker's base URL, and how long one answer may take."""
        self._client = httpx2.Client(base_url=url, timeout=timeout_s, follow_redirects=False, trust_env=False)

    def relay(self, act: Act) -> Receipt:
        """Have a signed grant relayed."""
        return wire.decode(Receipt, self._post("/v1/grants", wire.encode(act)))

    def revoke(self, act: Act) -> bool:
        """Have a signed revoke taken; True when the chain shows it."""
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

    def close(self) -> None:
        """Close kept connections."""
        self._client.close()

    def _post(self, path: str, body: bytes) -> bytes:
        try:
            with self._client.stream("POST", path, content=body) as response:
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
