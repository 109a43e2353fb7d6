"""The README's own start, line by line, and its Python, run in an empty folder with an empty home."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.anvil import anvil_binary

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
LIMIT_S = 300
PATH_LINE = 'export PATH="$PWD/.venv/bin:$PATH"'


def block(heading: str, kind: str, holding: str) -> str:
    """The fenced block of a section that holds a text."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found: list[str] = re.findall(rf"^```{kind}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    (one,) = [text for text in found if holding in text]
    return one


def start_lines() -> list[str]:
    first, *lines = block("Start", "sh", "fiducia up").splitlines()
    assert first == PATH_LINE
    return lines


def promised(line: str) -> int:
    """The exit code that a line's remark promises; 0 when it says none."""
    found = re.search(r"# exit (\d)", line)
    return int(found[1]) if found else 0


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    foreign = ("FIDUCIA_HOME", "FIDUCIA_KEY", "FIDUCIA_PASSPHRASE", "FIDUCIA_STOP_AT")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    bin_directory = Path(sys.executable).parent
    found = {
        **kept,
        "PATH": f"{bin_directory}:{os.environ['PATH']}",
        "FIDUCIA_HOME": str(tmp_path / "home"),
        "FIDUCIA_ANVIL": str(anvil_binary()),
        "NO_COLOR": "1",
    }
    yield found
    subprocess.run(["fiducia", "down"], env=found, cwd=tmp_path, capture_output=True, check=False, timeout=LIMIT_S)


def run(lines: Sequence[str], environment: dict[str, str], folder: Path) -> tuple[list[int], str]:
    """Run lines in one shell, as a person types them; returns each one's exit code, and all that was printed."""
    script = "\n".join(f"{line}\necho $? >> {folder}/codes" for line in lines)
    ran = subprocess.run(
        ["bash", "-c", script],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    return [int(code) for code in (folder / "codes").read_text().split()], ran.stdout


def test_the_start_and_the_python_of_the_readme_do_what_they_say(environment: dict[str, str], tmp_path: Path) -> None:
    *lines, last = start_lines()
    (tmp_path / "example.py").write_text(block("From Python", "python", "House"))
    lines = [*lines, "python example.py", last]
    codes, printed = run(lines, environment, tmp_path)
    assert dict(zip(lines, codes, strict=True)) == {line: promised(line) for line in lines}, printed
    given = sorted(path.read_bytes() for path in (tmp_path / "ct").iterdir())
    assert sorted(path.read_bytes() for path in (tmp_path / "images").rglob("*.dcm")) == given
    assert not (tmp_path / "again").exists()
    assert "0 findings" in printed
