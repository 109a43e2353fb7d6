"""What the rows are held against does all of its work, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from fiducia.core.formats.container import SEALED_CHUNK_BYTES
from scripts.benches import limit
from tests.support.altered import altered


def test_the_limit_of_registering_writes_everything_and_removes_it(tmp_path: Path) -> None:
    instances = [b"", b"x" * 100, bytes(3 << 20)]
    split = limit.seal_and_write(instances, tmp_path / "limit")
    assert not list(tmp_path.iterdir())
    assert min(split.hashes, split.cipher, split.write, split.sync) > 0
    assert split.total == pytest.approx(split.hashes + split.cipher + split.write + split.sync)


@pytest.mark.parametrize("chunks", [1, 63, 64, 65, 256, 257, 600])
@pytest.mark.parametrize("digest", [False, True])
def test_the_limit_of_fetching_reads_and_opens_every_chunk(chunks: int, digest: bool) -> None:
    sealed = b"".join(bytes(piece) for piece in limit.sealed_chunks(chunks))
    assert len(sealed) == chunks * SEALED_CHUNK_BYTES
    reads: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return sealed[offset : offset + length]

    assert limit.receive_and_decrypt(read, chunks, digest=digest) > 0
    assert sum(length for _, length in reads) == len(sealed)
    broken = altered(sealed)
    with pytest.raises(InvalidTag):
        limit.receive_and_decrypt(lambda offset, length: broken[offset : offset + length], chunks)


def test_a_bare_hash_reads_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3_000_000))
    assert limit.bare_hash(path) > 0
