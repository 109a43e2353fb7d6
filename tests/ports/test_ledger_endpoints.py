"""Several endpoints of one chain, one of which is behind: it is passed over, and never believed to be the present."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.system import SystemClock
from fiducia.errors import LedgerStaleError
from fiducia.records.ledger import KeyKind, Network
from tests.support.anvil import AnvilNode
from tests.support.signers import Signers, account
from tests.unit.adapters.test_evm_rpc import node


class Behind:
    """An endpoint of the chain whose newest block is an older one: `at` blocks before, with a time `late_s` earlier."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.at = 0
        self.late_s = 0
        self.asked = 0

    def __call__(self, asked: Any) -> tuple[int, bytes]:
        """Answer as the chain does, but for the newest block."""
        self.asked += 1
        if isinstance(asked, list):
            return 200, json.dumps([self._one(each) for each in asked]).encode()
        return 200, json.dumps(self._one(asked)).encode()

    def _one(self, asked: Any) -> Any:
        answer = self._ask(asked)
        if asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest":
            older = max(1, int(answer["result"]["number"], 16) - self.at)
            answer = self._ask({**asked, "params": [hex(older), False]})
            answer["result"]["timestamp"] = hex(int(answer["result"]["timestamp"], 16) - self.late_s)
        return answer

    def _ask(self, asked: Any) -> Any:
        request = urllib.request.Request(self._url, json.dumps(asked).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


@pytest.fixture
def behind(anvil: AnvilNode) -> Behind:
    """How an endpoint behaves that is not what it should be."""
    return Behind(anvil.url)


@contextmanager
def opened(network: Network, *urls: str) -> Iterator[EvmLedger]:
    with EvmLedger(
        replace(network, rpc_urls=urls), clock=SystemClock(), relayer=account("relayer"), timeout_s=10
    ) as ledger:
        yield ledger


def publish(ledger: EvmLedger, name: bytes) -> int:
    """Carry any act; returns its block."""
    c = Signers(ledger.domains, int(time.time()))
    return ledger.submit(c.publish(1, KeyKind.LOG, name)).head.number


def test_an_endpoint_that_stands_still_is_passed_over(anvil: AnvilNode, network: Network, behind: Behind) -> None:
    behind.late_s = 100
    with node(behind) as first, opened(network, first.url, anvil.url) as ledger:
        assert abs(ledger.head().time_at - time.time()) < 10
        asked = behind.asked
        publish(ledger, b"a log's key")
        assert behind.asked == asked  # the one that answered well stays the one that is asked


def test_a_chain_that_stands_still_at_every_endpoint_is_stale(network: Network, behind: Behind) -> None:
    behind.late_s = 100
    with node(behind) as first, node(behind) as second, opened(network, first.url, second.url) as ledger:
        for ask in (ledger.head, lambda: ledger.are_open([])):
            with pytest.raises(LedgerStaleError, match="older by this machine's clock"):
                ask()


def test_what_was_seen_final_stays_seen_when_another_endpoint_takes_over(
    anvil: AnvilNode, network: Network, behind: Behind
) -> None:
    """A few blocks behind and still fresh: what was revoked a moment ago would be open there."""
    with node(behind) as first, opened(network, anvil.url, first.url) as ledger:
        block = publish(ledger, b"a log's key")
        behind.at = 3
        ledger._rpc.turn()
        assert ledger.head().number >= block
        ledger._rpc.turn()
        assert ledger.are_open([])[0].number >= block


def test_endpoints_that_never_catch_up_are_stale(
    anvil: AnvilNode, network: Network, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fiducia.adapters.evm.chain._CATCH_UP_S", 0.2)
    with node(behind) as first, node(behind) as second, opened(network, first.url, second.url) as ledger:
        publish(ledger, b"a log's key")
        behind.at = 5
        with pytest.raises(LedgerStaleError, match="another one was at"):
            ledger.head()


def test_one_endpoint_alone_may_go_back(network: Network, behind: Behind) -> None:
    """A development chain that lost its last block has no other to ask; mirrors notice by themselves."""
    with node(behind) as only, opened(network, only.url) as ledger:
        before = ledger.head().number
        behind.at = 5
        assert ledger.head().number < before
