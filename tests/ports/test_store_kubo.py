"""What only the Kubo store promises: our CIDs are Kubo's at every boundary, one session a thread, memory stays flat."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fiducia.adapters import store_kubo
from fiducia.adapters.store_kubo import KuboStore
from fiducia.app.kubo_daemon import kubo_program
from fiducia.app.processes import Stack
from fiducia.core.formats.cid import CHUNK_BYTES, LINKS_PER_NODE, CidBuilder
from fiducia.errors import StoreCorruptError, StoreError
from tests.ports.test_store import content, put
from tests.support.kubo import KuboNode, kubo_binary, running_kubo


@pytest.fixture
def store(kubo: KuboNode) -> Iterator[KuboStore]:
    store = KuboStore(kubo.api)
    yield store
    store.close()


def zeros(size: int, builder: CidBuilder) -> Iterator[bytes]:
    """That many zero bytes, fed to `builder` as well."""
    buffer = bytes(8 << 20)
    for start in range(0, size, len(buffer)):
        piece = buffer[: size - start]
        builder.update(piece)
        yield piece


@pytest.mark.parametrize("excess", [0, 1])
def test_our_cid_is_kubos_where_the_tree_grows(store: KuboStore, monkeypatch: pytest.MonkeyPatch, excess: int) -> None:
    """1024 leaves are one level; one byte more makes a root of two links. `put` refuses when Kubo names another."""
    monkeypatch.setitem(
        store_kubo._ADD, "only-hash", "true"
    )  # the address is the question; a gigabyte need not be kept
    before = psutil.Process().memory_info().rss
    size = LINKS_PER_NODE * CHUNK_BYTES + excess
    builder = CidBuilder()
    assert store.put(builder.finish, zeros(size, builder)).size_bytes == size
    assert psutil.Process().memory_info().rss - before < 100 << 20


def test_a_node_with_other_habits_is_refused_and_nothing_stays(
    kubo: KuboNode, store: KuboStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two links a node give a deep tree under another address; every node of it is taken back."""
    monkeypatch.setitem(store_kubo._ADD, "max-file-links", "2")
    before = set((kubo.repository / "blocks").rglob("*.data"))
    with pytest.raises(StoreCorruptError):
        put(store, content(7 * CHUNK_BYTES, "deep"))
    left = set((kubo.repository / "blocks").rglob("*.data")) - before
    # Kubo's `add` makes a directory node that names the root, whether it is wanted or not; it holds no content.
    assert [path.stat().st_size for path in left] == [110]


def test_objects_are_pinned_until_removed(kubo: KuboNode, store: KuboStore) -> None:
    """A pinned object survives the node's garbage collection; a removed one leaves no block behind."""
    kept, removed = content(2 * CHUNK_BYTES, "kept"), content(2 * CHUNK_BYTES, "removed")
    cid, gone = put(store, kept), put(store, removed)
    blocks = kubo.repository / "blocks"
    count = len(list(blocks.rglob("*.data")))
    store.remove(gone)
    assert len(list(blocks.rglob("*.data"))) == count - 3
    store._ask("/repo/gc")
    assert store.read(cid, 0, len(kept)) == kept
    store.remove(cid)


def test_a_shared_block_stays_while_another_object_needs_it(store: KuboStore) -> None:
    shared = content(CHUNK_BYTES, "shared leaf")
    one, other = shared + b"one", shared + b"other"
    cid, kept = put(store, one), put(store, other)
    store.remove(cid)
    assert store.read(kept, 0, len(other)) == other
    store.remove(kept)


def test_threads_that_end_take_their_connections_along(kubo: KuboNode, store: KuboStore) -> None:
    def established() -> int:
        peers = [c.raddr for c in psutil.Process().net_connections("tcp") if c.status == psutil.CONN_ESTABLISHED]
        return sum(peer.port == kubo.port for peer in peers)

    store.health()
    before = established()
    for _ in range(5):
        thread = threading.Thread(target=store.health)
        thread.start()
        thread.join()
    assert established() == before


def test_what_was_put_survives_a_killed_daemon(tmp_path: Path) -> None:
    data = content(3 * CHUNK_BYTES, "killed")
    with running_kubo(tmp_path) as node, Stack() as again:
        store = KuboStore(node.api)
        cid = put(store, data)
        psutil.Process(node.child.pid).kill()
        psutil.wait_procs([psutil.Process(node.child.pid)], timeout=10)
        with pytest.raises(StoreError):
            store.health()
        restarted = again.start(kubo_program(kubo_binary(), node.repository, tmp_path / "again.log"))
        restarted.wait_ready(store.health, 60)
        assert store.read(cid, 0, len(data)) == data
        store.close()
