"""Deploying the contracts, and pinning what came of it.

Owns the order (the verifier of passkeys first; then each contract takes those to its left as constructor
arguments, Members the founders instead, Subjects the verifier as well) and the pins that settings keep:
chain id, genesis hash, addresses, code hashes. Done once per consortium; the deploying account keeps no
right. A deployment that stops half-way leaves contracts that nobody pins.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fiducia.adapters.evm import abi, p256
from fiducia.adapters.evm.chain import GENESIS, genesis_of
from fiducia.adapters.evm.rpc import Call, Rpc, as_bytes, as_int, hexed
from fiducia.core.keccak import keccak256
from fiducia.core.typed_data import VERIFIER
from fiducia.errors import InputError, LedgerNotFinalError, LedgerUnreachableError, UnexpectedRevertError
from fiducia.records.ledger import Founder, Network

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_POLL_S = 0.02
_CREATION_GAS = 6_000_000  # the largest contract takes about half


def deploy(
    rpc_urls: Sequence[str],
    deployer: LocalAccount,
    founders: Sequence[Founder],
    *,
    rp_id: str,
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
        finality: "instant" or "tag".
        max_head_age_s: how far the head may be from a member's clock.
        gas_price_wei: 0 on chains without fees.
        timeout_s: for all of it.

    Raises:
        InputError: no founders, or no relying party.
        ConfigError: the chain does not verify P-256.
        LedgerUnreachableError, LedgerNotFinalError, UnexpectedRevertError.
    """
    if not founders:
        raise InputError("a consortium has at least one founder")
    if not rp_id:
        raise InputError("a consortium names the relying party that its passkeys belong to")
    rpc = Rpc(rpc_urls)
    try:
        chain_answer, zero, one, *p256_answers = rpc.batch([Call("eth_chainId"), *GENESIS, *p256.CALLS])
        p256.require(p256_answers)
        chain_id = as_int(chain_answer.result)
        deployment = _Deployment(rpc_urls[0], deployer, chain_id, gas_price_wei, timeout_s)
        addresses, first_block = deployment.create_all(founders, hashlib.sha256(rp_id.encode()).digest())
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
    """One contract after the other, sent by one account through web3."""

    def __init__(self, url: str, account: LocalAccount, chain_id: int, gas_price_wei: int, timeout_s: float) -> None:
        from web3 import Web3  # takes a second to load, and is needed once in a consortium's life

        self._web3 = Web3(Web3.HTTPProvider(url, request_kwargs={"timeout": timeout_s}))
        self._account = account
        self._common = {"chainId": chain_id, "gasPrice": gas_price_wei, "gas": _CREATION_GAS}
        self._deadline = time.monotonic() + timeout_s

    def create_all(self, founders: Sequence[Founder], rp_id_hash: bytes) -> tuple[dict[str, bytes], int]:
        """Create the contracts; return their addresses and the first one's block."""
        addresses: dict[str, bytes] = {}
        blocks: list[int] = []
        for name in abi.CONTRACTS:
            left = [address for known, address in addresses.items() if known != VERIFIER]
            own: dict[str, list[Any]] = {
                VERIFIER: [rp_id_hash],
                "Members": [[abi.values_of(founder) for founder in founders]],
                "Subjects": [*left, addresses.get(VERIFIER)],
            }
            addresses[name], block = self._create(name, own.get(name, left))
            blocks.append(block)
        return addresses, min(blocks)

    def _create(self, name: str, arguments: Sequence[Any]) -> tuple[bytes, int]:
        from web3.exceptions import TimeExhausted, Web3Exception

        eth = self._web3.eth
        built = abi.artifact(name)
        contract = eth.contract(abi=built.interface, bytecode=built.bytecode)
        try:
            nonce = eth.get_transaction_count(self._account.address, "pending")
            fields = contract.constructor(*arguments).build_transaction({**self._common, "nonce": nonce})
            sent = eth.send_raw_transaction(self._account.sign_transaction(fields).raw_transaction)
            left_s = max(self._deadline - time.monotonic(), _POLL_S)
            receipt = eth.wait_for_transaction_receipt(sent, timeout=left_s, poll_latency=_POLL_S)
        except TimeExhausted as error:
            raise LedgerNotFinalError(
                f"the creation of {name} was sent, and not included in time; deploy anew"
            ) from error
        except Web3Exception as error:
            raise UnexpectedRevertError(f"the chain endpoint does not take the creation of {name}") from error
        except OSError as error:
            raise LedgerUnreachableError("no endpoint of the chain answered while contracts were created") from error
        if receipt["status"] != 1:
            raise UnexpectedRevertError(f"the contract {name} was not created: are the founders different?")
        return as_bytes(receipt["contractAddress"], 20), receipt["blockNumber"]
