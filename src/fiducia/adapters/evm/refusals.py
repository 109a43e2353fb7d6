"""What a contract says when it refuses, also where a node keeps it to itself.

Owns a small program that is run in `eth_call` as the constructor of a contract that never comes to be: it calls
the contract in question and returns what that answered, so a refusal arrives as an ordinary result. Every node
runs constructors, while few offer `debug_traceCall` and some drop the data of a revert. The contract then sees
another `msg.sender`, which none of ours looks at. Source: Ethereum's yellow paper, EIP-3541 (what a constructor
returns never begins with 0xEF), EIP-3860 (it has at most 49,152 bytes).
"""

from __future__ import annotations

from fiducia.adapters.evm.rpc import Call, hexed

_LENGTH, _ADDRESS = 3, 20
_REFUSED = b"\0"


def question(to: bytes, data: bytes, at: object = "latest") -> Call:
    """Return what to ask a node in order to learn what a call would say; `said_by` reads the answer.

    Args:
        to: the contract, 20 bytes.
        data: the call's data.
        at: the block, as `eth_call` takes it.
    """
    return Call("eth_call", ({"data": hexed(_constructor(to, data))}, at))


def said_by(result: bytes) -> bytes:
    """Return a refusal's data from the constructor's result; empty when the call was not refused after all."""
    return result[1:] if result[:1] == _REFUSED else b""


def _constructor(to: bytes, data: bytes) -> bytes:
    """Return the program, followed by the data that it passes on."""
    size = len(data).to_bytes(_LENGTH, "big")
    call = (
        b"\x62" + size,  # PUSH3 size
        b"\x60",  # PUSH1 where the data begin
        b"\x60\x00\x39",  # PUSH1 0, CODECOPY: the data into memory
        b"\x60\x00\x60\x00\x62" + size,  # PUSH1 0, PUSH1 0, PUSH3 size: nothing out, the data in
        b"\x60\x00\x60\x00\x73"
        + to.rjust(_ADDRESS, b"\0"),  # PUSH1 0, PUSH1 0, PUSH20 to: from memory's start, no value
        b"\x5a\xf1",  # GAS, CALL
        b"\x60\x00\x53",  # PUSH1 0, MSTORE8: whether it succeeded
        b"\x3d\x60\x00\x60\x01\x3e",  # RETURNDATASIZE, PUSH1 0, PUSH1 1, RETURNDATACOPY: what it said
        b"\x60\x01\x3d\x01\x60\x00\xf3",  # PUSH1 1, RETURNDATASIZE, ADD, PUSH1 0, RETURN: both
    )
    begins_at = sum(map(len, call)) + 1
    return call[0] + call[1] + bytes([begins_at]) + b"".join(call[2:]) + data
