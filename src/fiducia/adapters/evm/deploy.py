"""Deploying the contracts, and pinning what came of it.

Owns the order (the verifier of passkeys first; then each contract takes those to its left as constructor
arguments, Members the founders instead, Subjects the verifier and the delays for vetoes as well) and the pins
that settings keep: chain id, genesis hash, addresses, code hashes. Done once per consortium; the deploying
account keeps no right. A deployment that stops half-way leaves contracts that nobody pins.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fiducia.adapters.evm import abi, p256
from fiducia.adapters.evm.chain import GENESIS, genesis_of
from fiducia.adapters.evm.lane import Lane, Outgoing, Sent
from fiducia.adapters.evm.rpc import Call, Rpc, as_bytes, as_int, hexed
from fiducia.core.keccak import keccak256
from fiducia.core.typed_data import VERIFIER
from fiducia.errors import InputError, LedgerInconsistencyError, LedgerNotFinalError, UnexpectedRevertError
from fiducia.records.ledger import Founder, Network

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_POLL_S = 0.02
_CREATION_GAS = 8_000_000  # the largest contract takes about two thirds

APPOINTMENT_DELAY_S = 2 * 86_400
"""How long an appointment waits for vetoes, unless a consortium decides otherwise."""

RECOVERY_DELAY_S = 7 * 86_400
"""How long a recovery waits for vetoes: long enough for a patient who was away to hear of it."""


def deploy(
    rpc_urls: Sequence[str],
    deployer: LocalAccount,
    founders: Sequence[Founder],
    *,
    rp_id: str,
    appointment_delay_s: int = APPOINTMENT_DELAY_S,
    recovery_delay_s: int = RECOVERY_DELAY_S,
    finality: str = "instant",
    max_head_age_s: int = 15,
    gas_price_wei: int = 0,
    timeout_s: float = 60.0,
) -> Network:
    """Deploy the ledger and return its pins.

    Args:
        rpc_urls: the chain's endpoints, http or https.
        deployer: the account that sends the transactions.
        founders: institutions 1, 2, ... in order; at least one.
        rp_id: the relying party of the consortium's passkeys, such as a domain name; fixed for ever.
        appointment_delay_s: how long a representative waits to begin, for vetoes; fixed for ever.
        recovery_delay_s: how long a recovery waits to be completed, for vetoes; fixed for ever.
        finality: "instant" or "tag".
        max_head_age_s: how far the head may be from a member's clock.
        gas_price_wei: 0 on chains without fees.
        timeout_s: for all of it.

    Raises:
        InputError: no founders, no relying party, or a delay that is not in 1 .. 2**32 - 1 seconds.
        ConfigError: the chain does not verify P-256.
        LedgerUnreachableError, LedgerNotFinalError, UnexpectedRevertError.
    """
    if not founders:
        raise InputError("a consortium has at least one founder")
    if not rp_id:
        raise InputError("a consortium names the relying party that its passkeys belong to")
    if not all(0 < delay < 2**32 for delay in (appointment_delay_s, recovery_delay_s)):
        raise InputError("delays for vetoes are whole seconds, at least one, and fit 32 bits")
    rpc = Rpc(rpc_urls)
    try:
        chain_answer, zero, one, *p256_answers = rpc.batch([Call("eth_chainId"), *GENESIS, *p256.CALLS])
        p256.require(p256_answers)
        chain_id = as_int(chain_answer.result)
        deployment = _Deployment(rpc, deployer, chain_id, gas_price_wei, timeout_s)
        rp_id_hash = hashlib.sha256(rp_id.encode()).digest()
        addresses, first_block = deployment.create_all(founders, rp_id_hash, (appointment_delay_s, recovery_delay_s))
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
        webauthn_rp_id=rp_id,
    )


class _Deployment:
    """The contracts one after the other, sent by one account without waiting in between."""

    def __init__(self, rpc: Rpc, account: LocalAccount, chain_id: int, gas_price_wei: int, timeout_s: float) -> None:
        self._rpc = rpc
        self._lane = Lane(rpc, account, chain_id, gas_price_wei=gas_price_wei)
        self._deadline = time.monotonic() + timeout_s

    def create_all(
        self, founders: Sequence[Founder], rp_id_hash: bytes, delays_s: tuple[int, int]
    ) -> tuple[dict[str, bytes], int]:
        """Create the contracts; return their addresses and the first one's block."""
        addresses: dict[str, bytes] = {}
        sent: dict[str, Sent] = {}
        for name in abi.CONTRACTS:
            left = [address for known, address in addresses.items() if known != VERIFIER]
            own: dict[str, list[Any]] = {
                VERIFIER: [rp_id_hash],
                "Members": [[abi.values_of(founder) for founder in founders]],
                "Subjects": [*left, addresses.get(VERIFIER), *delays_s],
            }
            sent[name] = self._lane.send(Outgoing(None, _creation(name, own.get(name, left)), _CREATION_GAS))
            addresses[name] = _address_of(self._lane.address, sent[name].nonce)
        blocks = [self._created(name, sent[name], address) for name, address in addresses.items()]
        return addresses, min(blocks)

    def _created(self, name: str, sent: Sent, address: bytes) -> int:
        """Wait for one contract, and return its block."""
        while True:
            answer = self._rpc.call("eth_getTransactionReceipt", hexed(sent.hash))
            if answer.result is not None:  # until then nothing, and on some chains an error
                break
            if time.monotonic() > self._deadline:
                raise LedgerNotFinalError(f"the creation of {name} was sent, and not included in time; deploy anew")
            time.sleep(_POLL_S)
        if as_int(answer.result.get("status")) != 1:
            raise UnexpectedRevertError(f"the contract {name} was not created: are the founders different?")
        if as_bytes(answer.result.get("contractAddress"), 20) != address:
            raise LedgerInconsistencyError(f"the chain created {name} at another address than it must have")
        return as_int(answer.result.get("blockNumber"))


def _creation(name: str, arguments: Sequence[Any]) -> bytes:
    """Return the data that create a contract: its code and its constructor's arguments."""
    from web3 import Web3  # takes a second to load, and is needed once in a consortium's life

    built = abi.artifact(name)
    contract = Web3().eth.contract(abi=built.interface, bytecode=built.bytecode)
    return bytes.fromhex(contract.constructor(*arguments).data_in_transaction.removeprefix("0x"))


def _address_of(sender: bytes, nonce: int) -> bytes:
    """Return where a contract comes to be that an account creates: the hash of RLP [sender, nonce]."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    text = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    items = bytes([0x80 + len(sender)]) + sender + text
    return keccak256(bytes([0xC0 + len(items)]) + items)[12:]
