"""The JSON-RPC client takes what a node may say, and names what it may not."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fiducia.adapters.evm.rpc import Call, Fault, Rpc, as_bytes, as_int, hexed, quantity
from fiducia.errors import ConfigError, LedgerInconsistencyError, LedgerUnreachableError

Reply = Callable[[Any], tuple[int, bytes]]


class Node:
    """An HTTP server that answers as it is told."""

    def __init__(self, reply: Reply) -> None:
        node = self
        self.reply = reply
        self.asked: list[Any] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                node.asked.append(asked)
                status, body = node.reply(asked)
                if status == 0:  # hang up without an answer
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def node(reply: Reply) -> Iterator[Node]:
    """Run a node for as long as the block lasts."""
    made = Node(reply)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@contextmanager
def client(*urls: str, **options: Any) -> Iterator[Rpc]:
    """Open a client."""
    rpc = Rpc(urls, **options)
    try:
        yield rpc
    finally:
        rpc.close()


def answer(asked: Any, result: Any = "0x1") -> Any:
    """Return the right answer to one call."""
    return {"jsonrpc": "2.0", "id": asked["id"], "result": result}


def good(asked: Any) -> tuple[int, bytes]:
    """Answer every call with its method's name."""
    many = [answer(one, one["method"]) for one in asked] if isinstance(asked, list) else answer(asked, asked["method"])
    return 200, json.dumps(many).encode()


NONSENSE: dict[str, Reply] = {
    "a server error": lambda asked: (500, b"{}"),
    "a redirect": lambda asked: (302, b""),
    "not JSON": lambda asked: (200, b"<html>"),
    "nothing": lambda asked: (200, b""),
    "another id": lambda asked: (200, json.dumps({"id": "other", "result": 1}).encode()),
    "neither result nor error": lambda asked: (200, json.dumps({"id": _id(asked)}).encode()),
    "an error that is no object": lambda asked: (200, json.dumps({"id": _id(asked), "error": "no"}).encode()),
    "a number": lambda asked: (200, b"7"),
    "hanging up": lambda asked: (0, b""),
}


def _id(asked: Any) -> Any:
    return asked["id"] if isinstance(asked, dict) else asked[0]["id"]


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_no_answer(what: str) -> None:
    with node(NONSENSE[what]) as bad, client(bad.url) as rpc:
        with pytest.raises(LedgerUnreachableError):
            rpc.call("eth_chainId")
        with pytest.raises(LedgerUnreachableError):
            rpc.batch([Call("eth_chainId")])


@pytest.mark.parametrize("what", NONSENSE)
def test_the_next_endpoint_is_asked_and_kept(what: str) -> None:
    with node(NONSENSE[what]) as bad, node(good) as fine, client(bad.url, fine.url) as rpc:
        before = rpc.generation
        assert rpc.call("eth_chainId").result == "eth_chainId"
        assert rpc.generation > before
        failed, between = len(bad.asked), rpc.generation
        assert rpc.call("eth_chainId").result == "eth_chainId"
        assert (len(bad.asked), rpc.generation) == (failed, between)


def test_a_batch_is_put_into_the_order_of_its_calls() -> None:
    def backwards(asked: Any) -> tuple[int, bytes]:
        return 200, json.dumps([answer(one, one["method"]) for one in reversed(asked)]).encode()

    with node(backwards) as one, client(one.url) as rpc:
        assert [each.result for each in rpc.batch([Call("a"), Call("b"), Call("c")])] == ["a", "b", "c"]
        assert len(one.asked) == 1
        assert rpc.batch([]) == []


def test_a_batch_that_lacks_an_answer_is_no_answer() -> None:
    with node(lambda asked: (200, json.dumps([answer(asked[0])]).encode())) as one, client(one.url) as rpc:
        assert rpc.batch([Call("a")])[0].result == "0x1"
        with pytest.raises(LedgerUnreachableError):
            rpc.batch([Call("a"), Call("b")])


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ({"code": 3, "message": "reverted", "data": "0xdead"}, Fault(3, "reverted", b"\xde\xad")),
        ({"code": -32000, "message": "no", "data": {"data": "0xbe"}}, Fault(-32000, "no", b"\xbe")),
        ({"code": "x", "message": "no", "data": "0xzz"}, Fault(0, "no")),
        ({}, Fault(0, "")),
    ],
)
def test_an_error_object_is_an_answer(error: Any, fault: Fault) -> None:
    def refuse(asked: Any) -> tuple[int, bytes]:
        return 200, json.dumps({"id": asked["id"], "error": error}).encode()

    with node(refuse) as one, client(one.url) as rpc:
        assert rpc.call("eth_call").fault == fault
        assert rpc.generation == 0


def test_an_answer_that_is_too_long_is_refused() -> None:
    def long(asked: Any) -> tuple[int, bytes]:
        return 200, json.dumps(answer(asked, "0x" + "00" * 5000)).encode()

    with (
        node(long) as one,
        client(one.url, max_answer_bytes=4000) as rpc,
        pytest.raises(LedgerUnreachableError, match="over 4000 bytes"),
    ):
        rpc.call("eth_call")


def test_an_endpoint_that_dawdles_is_left_in_time() -> None:
    wait = threading.Event()

    def slow(asked: Any) -> tuple[int, bytes]:
        wait.wait(10)
        return good(asked)

    with node(slow) as one, client(one.url, timeout_s=0.1) as rpc:
        with pytest.raises(LedgerUnreachableError, match="in time"):
            rpc.call("eth_call")
        wait.set()


def test_a_message_tells_no_credential() -> None:
    with client("http://name:secret@127.0.0.1:9/v1/another-secret") as rpc:
        with pytest.raises(LedgerUnreachableError) as caught:
            rpc.call("eth_call")
        assert "127.0.0.1:9" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert "name" not in str(caught.value)


@pytest.mark.parametrize(
    "urls", [(), ("ws://127.0.0.1",), ("127.0.0.1:8545",), ("http://127.0.0.1", ""), ("http://h:70000",), ("http://",)]
)
def test_endpoints_are_http(urls: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        Rpc(urls)


@pytest.mark.parametrize("value", [None, 1, "1", "0xg", "", {}, []])
def test_a_number_is_a_hex_quantity(value: Any) -> None:
    with pytest.raises(LedgerInconsistencyError):
        as_int(value)


@pytest.mark.parametrize("value", [None, 1, "0x1", "0xgg", {}, "0x1234"])
def test_bytes_are_hex_of_their_size(value: Any) -> None:
    with pytest.raises(LedgerInconsistencyError):
        as_bytes(value, 1)


def test_borders_go_both_ways() -> None:
    assert as_int(quantity(255)) == 255
    assert as_bytes(hexed(b"\x01\xff"), 2) == b"\x01\xff"
    assert hexed(b"\xab") == "0xab"
