"""A real OpenID provider for tests: npm's oidc-provider on loopback, with its own pages for signing in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fiducia.app.processes import free_ports
from tests.support.needs import unavailable

ROOM = Path(__file__).resolve().parents[1] / "oidc"


@contextmanager
def running_provider(directory: Path, redirect_uri: str, secret: str = "") -> Iterator[str]:
    """Run it for as long as the block lasts; yields its issuer.

    Args:
        directory: for its log.
        redirect_uri: where it leads back to.
        secret: of its client; without one the client is public.
    """
    node = shutil.which("node")
    if node is None or not (ROOM / "node_modules" / "oidc-provider").is_dir():
        unavailable("npm's oidc-provider is not here: scripts/install --oidc puts it into tests/oidc")
    (port,) = free_ports(1)
    words = [node, str(ROOM / "provider.mjs"), str(port), redirect_uri, *([secret] if secret else [])]
    with (
        (directory / "provider.log").open("w") as log,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", (directory / "provider.log").read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
