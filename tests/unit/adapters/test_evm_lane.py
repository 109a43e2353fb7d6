"""Transactions are signed as eth-account reads them; what a node says to one is understood."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_account import Account

from fiducia.adapters.evm.lane import Lane, Outgoing
from fiducia.adapters.evm.rpc import Answer, Fault, hexed, quantity
from fiducia.errors import ConfigError, LedgerUnreachableError, UnexpectedRevertError
from tests.support.signers import account, key

CALL = Outgoing(bytes([7]) * 20, b"data", 123_456)


class Node:
    """Takes transactions like a pool, or says what it is told to."""

    def __init__(self, *says: str) -> None:
        self.says = list(says)
        self.taken: dict[int, bytes] = {}
        self.next = 0
        self.lock = threading.Lock()

    def call(self, method: str, *params: Any) -> Answer:
        if method == "eth_getTransactionCount":
            return Answer(quantity(self.next))
        raw = bytes.fromhex(params[0][2:])
        nonce = int.from_bytes(rlp.decode(raw)[0], "big")
        with self.lock:
            if self.says:
                return Answer(None, Fault(-32000, self.says.pop(0)))
            assert nonce not in self.taken
            self.taken[nonce] = raw
            self.next = max(self.next, nonce + 1)
        return Answer("0x")


@pytest.mark.parametrize("chain_id", [1, 31337, 262144, 2**40])
@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 70_000])
def test_a_transaction_is_what_eth_account_reads(chain_id: int, nonce: int) -> None:
    node = Node()
    node.next = nonce
    lane = Lane(node, account("relayer"), chain_id, gas_price_wei=5)
    sent = lane.send(CALL)
    assert Account.recover_transaction(hexed(sent.raw)).lower() == hexed(key("relayer").address)
    secret = bytes.fromhex(key_hex("relayer"))
    theirs = Account.sign_transaction(
        {
            "nonce": nonce,
            "gasPrice": 5,
            "gas": CALL.gas,
            "to": hexed(CALL.to or b""),
            "value": 0,
            "data": CALL.data,
            "chainId": chain_id,
        },
        secret,
    )
    assert (theirs.raw_transaction, theirs.hash) == (sent.raw, sent.hash)


def key_hex(name: str) -> str:
    """Return a test key's secret."""

    return hashlib.sha256(b"fiducia test key " + name.encode()).hexdigest()


def test_a_creation_names_no_recipient() -> None:
    node = Node()
    sent = Lane(node, account("relayer"), 1).send(Outgoing(None, b"code", 1))
    assert rlp.decode(sent.raw)[3] == b""


@pytest.mark.parametrize("says", ["already known", "tx already in mempool", "ALREADY KNOWN: 0x"])
def test_a_known_transaction_is_a_sent_one(says: str) -> None:
    node = Node(says)
    assert Lane(node, account("relayer"), 1).send(CALL).nonce == 0


@pytest.mark.parametrize("says", ["nonce too low", "replacement transaction underpriced", "invalid nonce; got 0"])
def test_a_taken_nonce_is_passed_over(says: str) -> None:
    node = Node(says, says)
    assert Lane(node, account("relayer"), 1).send(CALL).nonce == 2


@pytest.mark.parametrize(
    ("says", "nonce"),
    [
        ("invalid nonce; got 0, expected 41: invalid sequence", 41),
        ("invalid nonce; got 9, expected 3: invalid sequence", 3),
        ("account sequence mismatch, expected 12, got 0: invalid sequence", 12),
    ],
)
def test_a_node_that_says_which_nonce_it_expects_is_believed(says: str, nonce: int) -> None:
    """Its "pending" counts none of a new account's waiting transactions, however many there are."""
    assert Lane(Node(says), account("relayer"), 1).send(CALL).nonce == nonce


def test_a_node_that_failed_inside_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fiducia.adapters.evm.lane._FAILED_PAUSE_S", 0.001)
    says = "recovered: collections: conflict: index uniqueness constrain violation: 115\nstack:\ngoroutine 1 [running]"
    node = Node(says, says)
    assert Lane(node, account("relayer"), 1).send(CALL).nonce == 0
    assert len(node.taken) == 1
    with pytest.raises(LedgerUnreachableError, match="recovered: collections"):
        Lane(Node(*[says] * 50), account("relayer"), 1).send(CALL)


def test_a_node_that_does_not_know_its_state_yet_is_unreachable() -> None:
    class Restarted(Node):
        def call(self, method: str, *params: Any) -> Answer:
            return Answer(None, Fault(-32000, "context did not contain latest block height"))

    with pytest.raises(LedgerUnreachableError, match="what it must know"):
        Lane(Restarted(), account("relayer"), 1).send(CALL)


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ("insufficient funds for gas * price + value", ConfigError),
        ("intrinsic gas too low", UnexpectedRevertError),
        ("exceeds block gas limit", UnexpectedRevertError),
    ],
)
def test_what_a_node_does_not_take_is_named(says: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        Lane(Node(says), account("relayer"), 1).send(CALL)


def test_a_contested_nonce_ends() -> None:
    with pytest.raises(LedgerUnreachableError, match="nonce too low"):
        Lane(Node(*["nonce too low"] * 50), account("relayer"), 1).send(CALL)


@pytest.mark.parametrize("shared", [False, True], ids=["one lane", "two lanes on one file"])
def test_threads_never_share_a_nonce(tmp_path: Path, shared: bool) -> None:
    node = Node()
    lanes = [Lane(node, account("relayer"), 1, lock_path=tmp_path / "lock") for _ in range(1 + shared)]
    threads = [threading.Thread(target=lanes[i % len(lanes)].send, args=(CALL,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(node.taken) == list(range(24))


def test_the_lock_file_is_private(tmp_path: Path) -> None:
    Lane(Node(), account("relayer"), 1, lock_path=tmp_path / "lock").send(CALL)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
