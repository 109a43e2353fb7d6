"""A PKCS#11 token for tests: Debian's SoftHSM2, with tokens of its own in a directory of the tests'."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fiducia.adapters.key_encryption_pkcs11 import HsmToken

PIN = "sesame-2718"
TOKENS = ("fiducia", "other")
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)


def module() -> Path:
    """Where SoftHSM2 is; skips, saying so, where it is not."""
    found = [Path(path) for path in MODULES if Path(path).exists()]
    if not found or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM2 is not here: Debian's softhsm2 makes this run")
    return found[0]


@contextmanager
def running_softhsm(directory: Path) -> Iterator[HsmToken]:
    """Give the token "fiducia", beside one of another label, for as long as the block lasts."""
    library = module()
    (directory / "tokens").mkdir()
    settings = directory / "softhsm2.conf"
    settings.write_text(
        f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(settings))
        for label in TOKENS:
            made = ("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "officer-2718")
            subprocess.run(["softhsm2-util", *made], check=True, capture_output=True)
        yield HsmToken(library, TOKENS[0], PIN)
