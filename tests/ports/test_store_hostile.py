"""Stores that lie: another address, other bytes, fewer, more or none are caught and named, on disk and on the wire."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fiducia.adapters.store_kubo import KuboStore
from fiducia.core.formats.cid import CHUNK_BYTES, cid_of, raw_cid
from fiducia.errors import ConfigError, StoreCorruptError, StoreError, StoreMissingError
from tests.ports.test_store import content, put
from tests.support.altered import altered
from tests.support.kubo import KuboNode

DATA = content(3 * CHUNK_BYTES + 5, "hostile")
SECOND_LEAF = raw_cid(DATA[CHUNK_BYTES : 2 * CHUNK_BYTES])
FIRST_IN_SECOND = CHUNK_BYTES + 100


@pytest.fixture
def stored(kubo: KuboNode) -> Iterator[tuple[KuboNode, KuboStore, str]]:
    """A node that holds DATA undamaged when the test begins, and does again when it ends."""
    store = KuboStore(kubo.api, timeout_s=3)
    cid = put(store, DATA)
    yield kubo, store, cid
    store.remove(cid)
    put(store, DATA)
    assert store.read(cid, 0, len(DATA)) == DATA
    store.remove(cid)
    store.close()


def test_a_flipped_byte_on_disk_is_delivered_for_the_seal_to_catch(stored: tuple[KuboNode, KuboStore, str]) -> None:
    """HashOnRead is off on purpose (deploy/kubo/README.md): the caller's tags find it, and can name the instance."""
    node, store, cid = stored
    block = node.block_file(SECOND_LEAF)
    block.write_bytes(altered(block.read_bytes(), 100))
    read = store.read(cid, 0, len(DATA))
    assert [i for i in range(len(DATA)) if read[i] != DATA[i]] == [FIRST_IN_SECOND]
    assert store.read(cid, FIRST_IN_SECOND, 1) != DATA[FIRST_IN_SECOND : FIRST_IN_SECOND + 1]
    assert store.read(cid, 0, CHUNK_BYTES) == DATA[:CHUNK_BYTES]


def test_a_deleted_block_is_missing_where_it_was_and_only_there(stored: tuple[KuboNode, KuboStore, str]) -> None:
    node, store, cid = stored
    node.block_file(SECOND_LEAF).unlink()
    assert store.read(cid, 0, CHUNK_BYTES) == DATA[:CHUNK_BYTES]
    for offset, length in [(0, len(DATA)), (CHUNK_BYTES, 1), (CHUNK_BYTES - 1, 2), (FIRST_IN_SECOND, CHUNK_BYTES)]:
        with pytest.raises(StoreMissingError):
            store.read(cid, offset, length)
    assert store.read(cid, 2 * CHUNK_BYTES, 5) == DATA[2 * CHUNK_BYTES :][:5]


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[:1000], lambda b: b"", lambda b: b + b"more"])
def test_a_block_of_another_length_is_named_or_delivered_as_other_bytes(
    stored: tuple[KuboNode, KuboStore, str], change: Callable[[bytes], bytes]
) -> None:
    node, store, cid = stored
    block = node.block_file(SECOND_LEAF)
    block.write_bytes(change(block.read_bytes()))
    with suppress(StoreMissingError, StoreCorruptError):
        assert store.read(cid, 0, len(DATA)) != DATA


def test_a_lost_root_is_missing(stored: tuple[KuboNode, KuboStore, str]) -> None:
    node, store, cid = stored
    node.block_file(cid).unlink()
    with pytest.raises(StoreMissingError):
        store.read(cid, 0, 1)
    with pytest.raises(StoreMissingError):
        store.size(cid)


def test_putting_again_repairs_what_was_deleted(stored: tuple[KuboNode, KuboStore, str]) -> None:
    node, store, cid = stored
    node.block_file(SECOND_LEAF).unlink()
    put(store, DATA)
    assert store.read(cid, 0, len(DATA)) == DATA


def test_removing_and_putting_again_repairs_what_was_altered(stored: tuple[KuboNode, KuboStore, str]) -> None:
    node, store, cid = stored
    node.block_file(SECOND_LEAF).write_bytes(b"altered")
    store.remove(cid)
    put(store, DATA)
    assert store.read(cid, 0, len(DATA)) == DATA


# --- on the wire: a server that speaks the RPC and lies ---

Answer = tuple[int, list[bytes], bool]  # status, parts of the body, whether the body is ended as it should


@contextmanager
def lying(answers: dict[str, Answer], seen: list[str] | None = None, *, pause_s: float = 0) -> Iterator[KuboStore]:
    """A store whose node answers each RPC command as told; status 0 is no answer at all.

    `seen` collects the requests; `pause_s` passes before each part of an answer.
    """
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            while size := int(self.rfile.readline().strip() or b"0", 16) if self.chunked() else 0:
                self.rfile.read(size + 2)
            if self.chunked():
                self.rfile.readline()
            command = self.path.partition("?")[0].removeprefix("/api/v0")
            if seen is not None:
                seen.append(self.path)
            status, parts, complete = answers[command]
            if status == 0:
                stop.wait(30)
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            try:
                for part in parts:
                    stop.wait(pause_s)
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                if complete:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:
                pass
            self.close_connection = not complete

        def chunked(self) -> bool:
            return self.headers.get("Transfer-Encoding") == "chunked"

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        store = KuboStore(f"/ip4/127.0.0.1/tcp/{server.server_port}", timeout_s=0.3)
        try:
            yield store
        finally:
            store.close()
            stop.set()
            server.shutdown()


def said(value: object) -> Answer:
    """A complete, well-formed answer."""
    return 200, [json.dumps(value).encode()], True


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, [b"12345"], True), StoreMissingError),
        ((200, [], True), StoreMissingError),
        ((200, [b"12345"], False), StoreMissingError),
        ((0, [], False), StoreMissingError),
        ((200, [b"0123456789", b"x"], True), StoreCorruptError),
        ((200, [b"01234567890"], True), StoreCorruptError),
        ((500, [b'{"Message": "block was not found locally", "Code": 0, "Type": "error"}'], True), StoreMissingError),
        ((500, [b"<html>"], True), StoreMissingError),
        ((404, [], True), StoreMissingError),
        ((302, [], True), StoreMissingError),
        ((204, [], True), StoreMissingError),
    ],
)
def test_a_read_gives_exactly_what_was_asked_or_an_error(answer: Answer, error: type[StoreError]) -> None:
    with lying({"/cat": answer}) as store, pytest.raises(error):
        store.read(raw_cid(b"0123456789"), 0, 10)


def test_a_store_cannot_make_a_read_take_more_than_asked() -> None:
    endless = (200, [bytes(1 << 20)] * 4096, True)
    with lying({"/cat": endless}) as store, pytest.raises(StoreCorruptError):
        store.read(raw_cid(b""), 0, 10)


def test_a_store_cannot_stretch_a_read_for_ever() -> None:
    drops = (200, [b"x"] * 1000, True)  # each in time for a socket's timeout, all of them not
    with lying({"/cat": drops}, pause_s=0.1) as store, pytest.raises(StoreMissingError):
        store.read(raw_cid(b""), 0, 1000)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said({"Hash": raw_cid(b"other"), "Size": "5"}), StoreCorruptError),
        (said({"Hash": raw_cid(b"data").upper()}), StoreCorruptError),
        (said({"Hash": 5}), StoreCorruptError),
        (said({"Name": "data"}), StoreCorruptError),
        (said([]), StoreCorruptError),
        (said("bafy"), StoreCorruptError),
        ((200, [json.dumps({"Hash": raw_cid(b"data")}).encode()] * 2, True), StoreCorruptError),
        ((200, [], True), StoreCorruptError),
        ((200, [b"{not json"], True), StoreError),
        ((200, [b'{"Hash": "'], False), StoreError),
        ((500, [b'{"Message": "no space left on device", "Code": 0, "Type": "error"}'], True), StoreError),
        ((302, [], True), StoreError),
    ],
)
def test_an_upload_is_stored_under_our_address_or_not_at_all(answer: Answer, error: type[StoreError]) -> None:
    rest = {"/pin/rm": said({"Pins": []}), "/block/rm": (200, [], True), "/dag/get": said({"Links": []})}
    with lying({"/add": answer, **rest}) as store, pytest.raises(error):
        store.put(lambda: raw_cid(b"data"), [b"data"])


def test_an_object_under_another_address_is_taken_back() -> None:
    seen: list[str] = []
    other = raw_cid(b"other")
    rest = {"/pin/rm": said({"Pins": [other]}), "/block/rm": said({"Hash": other})}
    with lying({"/add": said({"Hash": other}), **rest}, seen) as store, pytest.raises(StoreCorruptError):
        store.put(lambda: raw_cid(b"data"), [b"data"])
    assert [path.partition("?")[0] for path in seen] == ["/api/v0/add", "/api/v0/pin/rm", "/api/v0/block/rm"]
    assert all(other in path for path in seen[1:])


@pytest.mark.parametrize("size", [None, "many", [1], {}])
def test_a_size_is_a_number_or_an_error(size: object) -> None:
    with lying({"/files/stat": said({"Size": size})}) as store, pytest.raises(StoreCorruptError):
        store.size(raw_cid(b""))


@pytest.mark.parametrize("answer", [(0, [], False), (500, [b"{}"], True), (403, [], True)])
def test_a_sick_node_is_not_healthy(answer: Answer) -> None:
    with lying({"/repo/stat": answer}) as store, pytest.raises(StoreError):
        store.health()


def test_nobody_there_is_a_store_error() -> None:
    store = KuboStore("/ip4/127.0.0.1/tcp/9", timeout_s=1)
    for act in (store.health, lambda: store.read(raw_cid(b""), 0, 1), lambda: store.put(lambda: cid_of(b""), [b""])):
        with pytest.raises(StoreError) as caught:
            act()
        assert type(caught.value) is StoreError


@pytest.mark.parametrize("api", ["", "127.0.0.1:5001", "/ip4/127.0.0.1", "/ip4/127.0.0.1/udp/5001", "/onion/x"])
def test_a_wrong_address_is_a_setting_to_correct(api: str) -> None:
    with pytest.raises(ConfigError):
        KuboStore(api)
