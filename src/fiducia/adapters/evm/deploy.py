"""Deploying the five contracts, and pinning what came of it.

Owns the order (each contract takes those to its left as constructor arguments; Members takes the founders)
and the pins that settings keep: chain id, genesis hash, addresses, code hashes. Done once per consortium;
the deploying account keeps no right. A deployment that stops half-way leaves contracts that nobody pins.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.chain import GENESIS, genesis_of
from fiducia.adapters.evm.lane import Lane, Outgoing
from fiducia.adapters.evm.rpc import Call, Rpc, as_bytes, as_int, hexed
from fiducia.core.keccak import keccak256
from fiducia.errors import InputError, LedgerNotFinalError, UnexpectedRevertError
from fiducia.ports import Signer
from fiducia.records.ledger import Founder, Network

_POLL_S = 0.02
_CREATION_GAS = 6_000_000  # the largest contract takes about half


def deploy(
    rpc_urls: Sequence[str],
    deployer: Signer,
    founders: Sequence[Founder],
    *,
    finality: str = "instant",
    max_head_age_s: int = 15,
    gas_price_wei: int = 0,
    timeout_s: float = 60.0,
) -> Network:
    """Deploy the ledger and return its pins.

    Args:
        rpc_urls: the chain's endpoints, http or https.
        deployer: the account that sends the five transactions.
        founders: institutions 1, 2, ... in order; at least one.
        finality: "instant" or "tag".
        max_head_age_s: how far the head may be from a member's clock.
        gas_price_wei: 0 on chains without fees.
        timeout_s: for all of it.

    Raises:
        InputError: no founders.
        LedgerUnreachableError, LedgerNotFinalError, ConfigError, UnexpectedRevertError.
    """
    if not founders:
        raise InputError("a consortium has at least one founder")
    rpc = Rpc(rpc_urls)
    try:
        chain_answer, zero, one = rpc.batch([Call("eth_chainId"), *GENESIS])
        chain_id = as_int(chain_answer.result)
        lane = Lane(rpc, deployer, chain_id, gas_price_wei=gas_price_wei)
        addresses, first_block = _create_all(rpc, lane, founders, time.monotonic() + timeout_s)
        codes = rpc.batch([Call("eth_getCode", (hexed(address), "latest")) for address in addresses.values()])
    finally:
        rpc.close()
    hashes = (keccak256(as_bytes(code.result)) for code in codes)
    return Network(
        chain_id=chain_id,
        genesis_hash=genesis_of(zero, one),
        contracts=tuple(addresses.items()),
        code_hashes=tuple(zip(addresses, hashes, strict=True)),
        rpc_urls=tuple(rpc_urls),
        finality=finality,
        max_head_age_s=max_head_age_s,
        first_block=first_block,
    )


def _create_all(rpc: Rpc, lane: Lane, founders: Sequence[Founder], deadline: float) -> tuple[dict[str, bytes], int]:
    """Create one contract after the other; return their addresses and the first one's block."""
    addresses: dict[str, bytes] = {}
    blocks: list[int] = []
    for name in abi.CONTRACTS:
        arguments: list[Any] = list(addresses.values()) or [[abi.values_of(founder) for founder in founders]]
        sent = lane.send(Outgoing(None, abi.creation_data(name, *arguments), _CREATION_GAS))
        addresses[name], block = _created(rpc, name, sent.hash, deadline)
        blocks.append(block)
    return addresses, min(blocks)


def _created(rpc: Rpc, name: str, transaction_hash: bytes, deadline: float) -> tuple[bytes, int]:
    """Wait for a creation; return the contract's address and its block's number."""
    while time.monotonic() < deadline:
        receipt = rpc.call("eth_getTransactionReceipt", hexed(transaction_hash)).result
        if isinstance(receipt, dict):
            if as_int(receipt.get("status")) != 1:
                raise UnexpectedRevertError(f"the contract {name} was not created: are the founders different?")
            return as_bytes(receipt.get("contractAddress"), 20), as_int(receipt.get("blockNumber"))
        time.sleep(_POLL_S)
    raise LedgerNotFinalError(f"the creation of {name} was sent, and not included in time; deploy anew")
