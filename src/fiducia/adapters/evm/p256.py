"""Whether a chain verifies P-256: what passkeys need, asked of its precompile at 0x100.

Owns two known vectors, one good and one bad, and what their answers mean. Without the precompile (or with
something at its address that says yes to everything) no ledger is used: passkeys would be refused there, or
anybody's accepted. Source: EIP-7951; Wycheproof, ecdsa_secp256r1_sha256_p1363 (small r and s).
"""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.adapters.evm.rpc import Answer, Call, as_bytes, hexed
from fiducia.errors import ConfigError, LedgerUnreachableError

_PRECOMPILE = (0x100).to_bytes(20, "big")
_GOOD = bytes.fromhex(
    "bb5a52f42f9c9261ed4361f59422a1e30036e7c32b270c8807a419feca605023"
    "0000000000000000000000000000000000000000000000000000000000000005"
    "0000000000000000000000000000000000000000000000000000000000000001"
    "a71af64de5126a4a4e02b7922d66ce9415ce88a4c9d25514d91082c8725ac957"
    "5d47723c8fbe580bb369fec9c2665d8e30a435b9932645482e7c9f11e872296b"
)
_BAD = bytes([_GOOD[0] ^ 1]) + _GOOD[1:]  # the signature of another message
_YES = (1).to_bytes(32, "big")


def _call(data: bytes) -> Call:
    return Call("eth_call", ({"to": hexed(_PRECOMPILE), "data": hexed(data)}, "latest"))


CALLS = (_call(_GOOD), _call(_BAD))
"""What to ask; `require` reads the answers."""


def require(answers: Sequence[Answer]) -> None:
    """Return when the answers to `CALLS` are a P-256 precompile's.

    Raises:
        ConfigError: the chain does not verify P-256.
        LedgerUnreachableError: the endpoint did not answer the question.
    """
    good, bad = answers
    if good.fault is not None or bad.fault is not None:
        raise LedgerUnreachableError("the chain endpoint does not say whether it verifies P-256; try again")
    if as_bytes(good.result) != _YES or as_bytes(bad.result) == _YES:
        raise ConfigError(
            "this chain does not verify P-256 (EIP-7951, precompile 0x100): passkeys cannot sign on it; "
            "take a chain that does"
        )
