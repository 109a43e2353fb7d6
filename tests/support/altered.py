"""Bytes with one bit turned over: other bytes always, which a byte written over them is only mostly."""

from __future__ import annotations


def altered(data: bytes, at: int = -1) -> bytes:
    """data, its byte at `at` (from the end if negative) another one; IndexError if it has none there."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)
