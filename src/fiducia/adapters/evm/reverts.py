"""What a contract's refusal means: every custom error of every ABI, mapped to exactly one of our errors.

The contracts' own errors are said in `core.refusals`, those of libraries here; tests/unit/adapters/test_evm_reverts.py
walks all ABIs and fails on an error that is missing or on a line that no ABI has. Sentences quote numbers only,
never an address, a hash or a signature. A revert that is not in the table was predicted by no rule of ours and is an
UnexpectedRevertError.
"""

from __future__ import annotations

from typing import Any

from fiducia.adapters.evm import abi
from fiducia.core.decision import Reason
from fiducia.core.refusals import SENTENCES
from fiducia.errors import ConfigError, DeniedError, FiduciaError, UnexpectedRevertError

REFUSED = "Refused"
"""IReleases' error: its reason becomes DeniedError's."""

LIBRARIES: dict[str, tuple[type[FiduciaError], str]] = {
    # no rule of ours lets a value get that far, but for the precompile
    "MissingPrecompile": (
        ConfigError,
        "this chain does not verify P-256 (EIP-7951): passkeys cannot sign on it; take a chain that does",
    ),
    "InvalidShortString": (UnexpectedRevertError, "a contract was deployed with a name that it cannot hold"),
    "StringTooLong": (UnexpectedRevertError, "a contract was deployed with a name that it cannot hold"),
    "SafeCastOverflowedUintDowncast": (UnexpectedRevertError, "a time does not fit the ledger's slot for it"),
}
"""The errors of the libraries that the contracts stand on."""

TABLE: dict[str, tuple[type[FiduciaError], str]] = {**SENTENCES, **LIBRARIES}
"""Every custom error but `Refused`, with the placeholders of `core.refusals`."""


def error_for(data: bytes) -> FiduciaError:
    """Return the error that a revert's return data mean.

    Args:
        data: what came back from the call or estimate; empty where a node keeps it to itself.
    """
    found = abi.error_of(data)
    if found is None:
        return UnexpectedRevertError(f"a contract refused without a reason that is known here ({_shape(data)})")
    if found.name == REFUSED:
        return DeniedError(reason_name(found.values["reason"]))
    kind, sentence = TABLE[found.name]
    return kind(sentence.format_map(_numbers(found.values)))


def reason_name(number: int) -> str:
    """Return a denial reason's name; a number that we do not know keeps its number."""
    try:
        return Reason(number).name
    except ValueError:
        return f"REASON_{number}"


def _numbers(values: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in values.items() if isinstance(value, int)}


def _shape(data: bytes) -> str:
    return f"selector 0x{data[:4].hex()}" if len(data) >= 4 else "no data"
