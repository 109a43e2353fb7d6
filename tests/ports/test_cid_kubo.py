"""Our CIDs against a real Kubo's, around every boundary of the tree."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fiducia.core.formats.cid import CHUNK_BYTES, LINKS_PER_NODE, CidBuilder
from tests.support.kubo import KuboNode, kubo_binary
from tests.vectors.material import material

BLOCK = material("cid block", 1 << 16) * 16
SIZES = {
    "empty": 0,
    "one byte": 1,
    "a chunk less one byte": CHUNK_BYTES - 1,
    "a chunk": CHUNK_BYTES,
    "a chunk and one byte": CHUNK_BYTES + 1,
    "two chunks": 2 * CHUNK_BYTES,
    "1023 leaves": 1023 * CHUNK_BYTES,
    "1024 leaves less one byte": LINKS_PER_NODE * CHUNK_BYTES - 1,
    "1024 leaves": LINKS_PER_NODE * CHUNK_BYTES,
    "1025 leaves, the last of one byte": LINKS_PER_NODE * CHUNK_BYTES + 1,
    "1025 leaves": (LINKS_PER_NODE + 1) * CHUNK_BYTES,
    "2049 leaves": (2 * LINKS_PER_NODE + 1) * CHUNK_BYTES,
}


def pieces(size: int) -> Iterator[memoryview]:
    for at in range(0, size, len(BLOCK)):
        yield memoryview(BLOCK)[: min(len(BLOCK), size - at)]


def kubos_cid(binary: Path, repository: Path, size: int) -> str:
    """What the node's own settings make of these bytes; nothing is stored."""
    command = [str(binary), "add", "--quieter", "--only-hash"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"IPFS_PATH": str(repository)}
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for piece in pieces(size):
            process.stdin.write(piece)
        process.stdin.close()
        return process.stdout.read().decode().strip()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_kubo_names_the_same_cid(kubo: KuboNode, size: int) -> None:
    builder = CidBuilder()
    for piece in pieces(size):
        builder.update(piece)
    assert builder.finish() == kubos_cid(kubo_binary(), kubo.repository, size)
