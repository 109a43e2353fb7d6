"""What every act is turned into: one call, how to see that it is done already, and which event tells of it.

Owns the form of a `Plan` and the encodings that acts of several contracts share; the acts themselves stand in
the modules beside it, one per subject. Asks nothing: a plan's `done` asks through what it is given.
Source: contracts/src/interfaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.abi import values_of
from fiducia.adapters.evm.chain import Chain, Question
from fiducia.records.events import LedgerEvent
from fiducia.records.typed import Approval, StaffAccess

Topics = tuple[bytes | tuple[bytes, ...] | None, ...]
_BADGE = "(uint32,bytes32,address,uint32,uint64,uint64,uint64,uint32)"
_NOBODYS = abi.encoded((_BADGE, "bytes"), ((0, bytes(32), bytes(20), 0, 0, 0, 0, 0), b""))


@dataclass(frozen=True, slots=True)
class Plan:
    """One act as a call.

    Attributes:
        contract: whose function it is.
        data: the calldata.
        done: asks the chain, at a final block, whether the act has taken effect.
        topics: of the events that tell of it, for finding an earlier transaction (None: any).
        tells: whether an event with those topics is this act's.
        repeats: whether the contract takes the same act again, without effect.
        proved: where storage alone cannot tell that it is done: whether the newest events found with those topics do.
    """

    contract: str
    data: bytes
    done: Callable[[Chain], bool]
    topics: Topics
    tells: Callable[[Any], bool] = lambda event: True
    repeats: bool = True
    proved: Callable[[Sequence[LedgerEvent]], bool] | None = None


def asked(chain: Chain, contract: str, function: str, *arguments: Any) -> Any:
    """Return a view's one result at the newest final block. Raises: what `Chain.ask` raises."""
    (result,) = all_asked(chain, chain.view(contract, function, *arguments))
    return result


def all_asked(chain: Chain, *questions: Question) -> list[Any]:
    """Return the one result of each of several views, all at one final block. Raises: what `Chain.ask` raises."""
    return [result for (result,) in chain.ask(*questions)[1]]


def topics(contract: str, event: str, *indexed: int | bytes | tuple[bytes, ...] | None) -> Topics:
    """Return the topics of an event whose first indexed arguments are known, each one, or one of several, or any."""
    found: list[bytes | tuple[bytes, ...] | None] = [abi.topic_of(contract, event)]
    for each in indexed:
        if isinstance(each, tuple):
            found.append(tuple(word(one) for one in each))
        else:
            found.append(None if each is None else word(each))
    return tuple(found)


def approval_of(approval: Approval, *, by_staff: bool = False) -> tuple[bytes, bytes, bytes]:
    """Return an approval as ISubjects.Approval; a badge travels as abi.encode(Badge, bytes).

    Args:
        approval: by whomever.
        by_staff: only staff approve this. An empty credential would not decode there, and be refused without a word;
            nobody's badge is refused by name.
    """
    badge = approval.credential
    credential = abi.encoded((_BADGE, "bytes"), (values_of(badge.badge), badge.signature)) if badge else b""
    return approval.signer, approval.signature, credential or (_NOBODYS if by_staff else b"")


def approvals_of(approvals: Sequence[Approval], *, by_staff: bool = False) -> list[tuple[bytes, bytes, bytes]]:
    """Return approvals as the contracts take them, in order. Several are always by staff."""
    return [approval_of(each, by_staff=by_staff or len(approvals) > 1) for each in approvals]


def evidence_of(access: StaffAccess) -> tuple[Any, ...]:
    """Return a staff access as IReleases.Evidence."""
    return (
        values_of(access.request),
        values_of(access.grant),
        values_of(access.badge.badge),
        access.badge.signature,
        access.signature,
    )


def word(value: int | bytes) -> bytes:
    """Return a value as a topic: the ABI pads numbers on the left and bytes20 on the right."""
    return value.to_bytes(32, "big") if isinstance(value, int) else value.ljust(32, b"\0")
