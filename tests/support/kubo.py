"""A real Kubo node for tests, set up and started exactly as `fiducia up` does it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import libipld

from fiducia.adapters.store_kubo import KuboStore
from fiducia.app.kubo_daemon import find_kubo, init_repository, kubo_program
from fiducia.app.processes import Child, Stack, free_ports
from tests.support.needs import unavailable


@dataclass(frozen=True, slots=True)
class KuboNode:
    """A running node: the multiaddr of its RPC, its repository on disk, its process."""

    api: str
    port: int
    repository: Path
    child: Child

    def block_file(self, cid: str) -> Path:
        """Where the node's datastore (flatfs) keeps one block: named by its multihash, in base32."""
        multihash = bytes((0x12, 0x20)) + bytes(libipld.decode_cid(cid)["hash"]["digest"])
        name = base64.b32encode(multihash).decode().rstrip("=")
        return self.repository / "blocks" / name[-3:-1] / f"{name}.data"


def kubo_binary() -> Path:
    """The Kubo that scripts/install found or built; skips when there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fiducia"
    binary = find_kubo(os.environ, cache)
    if binary is None:
        unavailable("Kubo 0.43.0 is not here: not on PATH, and scripts/install found no Go >= 1.26 to build it with")
    return binary


@contextmanager
def running_kubo(directory: Path) -> Iterator[KuboNode]:
    """Run a node in `directory` for as long as the block lasts."""
    binary = kubo_binary()
    (port,) = free_ports(1)
    repository = directory / "kubo"
    init_repository(binary, repository, api_port=port)
    with Stack() as stack:
        child = stack.start(kubo_program(binary, repository, directory / "kubo.log"))
        api = f"/ip4/127.0.0.1/tcp/{port}"
        child.wait_ready(KuboStore(api).health, 60)
        yield KuboNode(api, port, repository, child)
