"""Headers as nodes say them, and whether they hash to their block; whole proofs are tried on a chain (tests/ports)."""

from __future__ import annotations

from typing import Any

import pytest
import rlp

from fiducia.adapters.evm.receipts import encode_receipt, header_of
from fiducia.core.keccak import keccak256
from fiducia.errors import LedgerInconsistencyError
from tests.vectors.material import material

LONDON = {"baseFeePerGas": "0x0"}
SHANGHAI = {**LONDON, "withdrawalsRoot": "0x" + material("withdrawals").hex()}
CANCUN = {
    **SHANGHAI,
    "blobGasUsed": "0x0",
    "excessBlobGas": "0x1",
    "parentBeaconBlockRoot": "0x" + material("beacon").hex(),
}
PRAGUE = {**CANCUN, "requestsHash": "0x" + material("requests").hex()}


def block(later: dict[str, str], extra: bytes = b"") -> dict[str, Any]:
    """A block as JSON-RPC has it, without its hash."""
    roots = ("parentHash", "sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot", "mixHash")
    numbers = {"difficulty": "0x0", "number": "0x4d", "gasLimit": "0x1c9c380", "gasUsed": "0x5208", "timestamp": "0x64"}
    return {
        **{name: "0x" + material(name).hex() for name in roots},
        **numbers,
        "miner": "0x" + material("miner", 20).hex(),
        "logsBloom": "0x" + bytes(256).hex(),
        "extraData": "0x" + extra.hex(),
        "nonce": "0x" + bytes(8).hex(),
        **later,
    }


def fields_of(made: dict[str, Any], extra: bytes) -> list[bytes]:
    """The header's fields, written down a second time."""
    order = ["parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"]
    numbers = [made[name] for name in ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")]
    later = [
        "baseFeePerGas",
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
        "requestsHash",
    ]
    encoded = [bytes.fromhex(made[name][2:]) for name in order]
    encoded += [rlp.sedes.big_endian_int.serialize(int(number, 16)) for number in numbers]
    encoded += [extra, bytes.fromhex(made["mixHash"][2:]), bytes.fromhex(made["nonce"][2:])]
    for name in (each for each in later if each in made):
        is_number = name in ("baseFeePerGas", "blobGasUsed", "excessBlobGas")
        value = made[name]
        encoded.append(rlp.sedes.big_endian_int.serialize(int(value, 16)) if is_number else bytes.fromhex(value[2:]))
    return encoded


@pytest.mark.parametrize("later", [{}, LONDON, SHANGHAI, CANCUN, PRAGUE], ids=len)
def test_a_header_of_every_fork_is_found(later: dict[str, str]) -> None:
    made = block(later, b"extra")
    header = rlp.encode(fields_of(made, b"extra"))
    made["hash"] = "0x" + keccak256(header).hex()
    assert header_of(made) == header


def test_the_seals_of_a_qbft_commit_are_no_part_of_the_hash() -> None:
    vanity, validators, seals = bytes(32), [material("validator", 20)], [material("seal", 65)]
    with_seals = rlp.encode([vanity, validators, [], b"", seals])
    without = rlp.encode([vanity, validators, [], b"", []])
    made = block(SHANGHAI, with_seals)
    header = rlp.encode(fields_of(made, without))
    made["hash"] = "0x" + keccak256(header).hex()
    assert header_of(made) == header


@pytest.mark.parametrize("extra", [b"", b"\xc0", rlp.encode([b"", b"", b"", b"", []]), b"\xf8"])
def test_another_hash_is_none_of_a_header(extra: bytes) -> None:
    made = block(PRAGUE, extra)
    made["hash"] = "0x" + bytes(32).hex()
    assert header_of(made) is None
    made.pop("mixHash")  # as chains do that never had one
    assert header_of(made) is None


@pytest.mark.parametrize("kind", ["0x0", "0x2", None])
def test_a_receipt_is_its_type_and_its_list(kind: str | None) -> None:
    log = {"address": "0x" + bytes(20).hex(), "topics": ["0x" + bytes(32).hex()], "data": "0x01"}
    receipt = {"status": "0x1", "cumulativeGasUsed": "0x5208", "logsBloom": "0x" + bytes(256).hex(), "logs": [log]}
    encoded = encode_receipt(receipt if kind is None else {**receipt, "type": kind})
    content = rlp.encode([b"\x01", b"\x52\x08", bytes(256), [[bytes(20), [bytes(32)], b"\x01"]]])
    assert encoded == (b"\x02" + content if kind == "0x2" else content)


@pytest.mark.parametrize("wrong", [{"logs": None}, {"logs": [1]}, {"logs": [{"topics": 1}]}, {"status": 1}])
def test_what_is_no_receipt_is_refused(wrong: dict[str, Any]) -> None:
    receipt = {"status": "0x1", "cumulativeGasUsed": "0x0", "logsBloom": "0x" + bytes(256).hex(), "logs": []}
    with pytest.raises(LedgerInconsistencyError):
        encode_receipt({**receipt, **wrong})
