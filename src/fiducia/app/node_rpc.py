"""One question to one chain node on loopback, for watching over what the stack started.

Owns nothing but the request: no pins are checked and nothing is believed, unlike in `adapters.evm`.
Source: JSON-RPC 2.0; the Ethereum execution API specification.
"""

from __future__ import annotations

from typing import Any

import httpx2

from fiducia.errors import LedgerUnreachableError

_ANSWER_S = 10.0


def ask(url: str, method: str, *params: Any, timeout_s: float = _ANSWER_S) -> Any:
    """Return a node's answer. Raises: LedgerUnreachableError (it does not answer, or refuses)."""
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        answer = httpx2.post(url, json=call, timeout=timeout_s, trust_env=False).json()
        return answer["result"]
    except KeyError as error:
        raise LedgerUnreachableError(f"the chain's node refuses {method}") from error
    except (httpx2.HTTPError, ValueError, TypeError) as error:
        raise LedgerUnreachableError("the chain's node does not answer") from error


def newest_block(url: str, *, timeout_s: float = _ANSWER_S) -> tuple[int, int]:
    """Return the number and the time (UTC Unix seconds) of a node's newest block. Raises: LedgerUnreachableError."""
    block = ask(url, "eth_getBlockByNumber", "latest", False, timeout_s=timeout_s)
    try:
        return int(block["number"], 16), int(block["timestamp"], 16)
    except (KeyError, ValueError, TypeError) as error:
        raise LedgerUnreachableError("the chain's node has no block yet") from error
