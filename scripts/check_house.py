"""Checks the house's rules that no ready tool knows; run by scripts/check, prints one line per breach.

Owns: pydicom only where a module's name says dicom; no file names a package registry or somebody's home directory;
scripts/check runs every generator; sizes (advice only). Import layers are import-linter's, the rest is ruff's.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIZE_ADVICE_LINES = 300
FUNCTION_ADVICE_LINES = 40

# Written in pieces, so that this file does not name what it forbids.
REGISTRIES = [
    ("registry", "npmjs.org"),
    ("registry", "yarnpkg.com"),
    ("pypi", "org"),
    ("files", "pythonhosted.org"),
    ("proxy", "golang.org"),
    ("sum", "golang.org"),
    ("index", "crates.io"),
]
HOMES = [("", "home", r"[a-z][\w.-]*", ""), ("", "Users", r"[A-Za-z][\w.-]*", ""), ("", "root", "")]
FORBIDDEN = re.compile(
    "|".join([*(re.escape(".".join(pair)) for pair in REGISTRIES), *(r"(?<![\w.$}/])" + "/".join(h) for h in HOMES)])
)


def tracked_files() -> list[Path]:
    """Every file that git knows or would add, as paths that exist."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return sorted({ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()})


def forbidden_words(path: Path) -> Iterator[str]:
    """Registry hosts and absolute home directories, with their line."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if found := FORBIDDEN.search(line):
            yield f"{path.relative_to(ROOT)}:{number}: names {found.group()!r}"


def imports_pydicom(tree: ast.Module) -> bool:
    """Whether a module imports pydicom anywhere, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        if any(name.split(".")[0] == "pydicom" for name in names):
            return True
    return False


def unchecked_generator(path: Path, source: str, check_script: str) -> Iterator[str]:
    """A generator of committed files that scripts/check does not run."""
    name = str(path.relative_to(ROOT))
    if path.name != Path(__file__).name and '"--check"' in source and name not in check_script:
        yield f"{name}: takes --check, but scripts/check does not run it"


def long_parts(tree: ast.Module, path: Path, lines: int) -> Iterator[str]:
    """Advice on files and functions that have grown past what a person reads in one sitting."""
    if lines > SIZE_ADVICE_LINES:
        yield f"{path}: {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_ADVICE_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines"


def main() -> int:
    """Print breaches and advice; 1 when there is a breach."""
    breaches: list[str] = []
    advice: list[str] = []
    check_script = (ROOT / "scripts" / "check").read_text(encoding="utf-8")
    for path in tracked_files():
        breaches.extend(forbidden_words(path))
        relative = path.relative_to(ROOT)
        if path.suffix != ".py":
            continue
        source = path.read_text(encoding="utf-8")
        breaches.extend(unchecked_generator(path, source, check_script))
        if relative.parts[0] != "src":
            continue
        tree = ast.parse(source, filename=str(relative))
        if imports_pydicom(tree) and not any("dicom" in part for part in relative.parts):
            breaches.append(f"{relative}: imports pydicom, but its name does not say dicom")
        advice.extend(long_parts(tree, relative, source.count("\n")))
    print(*(f"advice: {line}" for line in advice), *breaches, sep="\n")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
