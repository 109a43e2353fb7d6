"""The documentation is true: links lead somewhere, commands exist, named tests exist, the map is the tree."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.commands import whole_tree

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CHANGELOG.md", ROOT / "scripts" / "README.md", *(ROOT / "docs").rglob("*.md")])
SHOWN_BY_TESTS = ("threat-model.md", "controls.md")

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
NAMED_TEST = re.compile(r"`((?:tests|contracts/test)/[\w./-]+)::(\w+)`")
COMMAND = re.compile(r"(?<![\w/.-])fiducia (?!/)([^`|)]*)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if anchor:
            found = target / "README.md" if target.is_dir() else target
            assert anchor in anchors(found), f"{link}: there is no such heading"


def commands(page: Path) -> list[str]:
    """Every command line `fiducia ...` that a page prints, in a block or between backticks."""
    text = page.read_text()
    printed = [
        line.partition("  #")[0] for kind, block in FENCE.findall(text) if kind == "sh" for line in block.split("\n")
    ]
    printed += INLINE.findall(FENCE.sub("", text))
    printed = [re.sub(r"\$\((?!fiducia)[^)]*\)", "VALUE", line) for line in printed]  # what another program answers
    return sorted({found.strip() for line in printed for found in COMMAND.findall(line)})


@pytest.mark.parametrize(
    ("page", "line"), [pytest.param(p, c, id=f"{name_of(p)}: {c}") for p in PAGES for c in commands(p)]
)
def test_commands_exist_with_their_options(page: Path, line: str) -> None:
    words = shlex.split(line)
    command = whole_tree()
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        word = words.pop(0)
        if word.isupper():  # NOUN, VERB
            return
        assert word in command.commands, f"fiducia {line}: there is no {word}"
        command = command.commands[word]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    unknown = [word for word in words if word.startswith("-") and word.split("=")[0] not in known]
    assert not unknown, f"fiducia {line}: no such option"


def test_the_readme_walks_the_main_path() -> None:
    verbs = {" ".join(line.split()[:2]) for line in commands(README)}
    assert verbs >= {
        "up --detach",
        "study register",
        "grant give",
        "study fetch",
        "grant revoke",
        "audit verify",
        "down",
    }


@cache
def functions(path: Path) -> frozenset[str]:
    """The names of a test file's functions, Python's or Solidity's."""
    text = path.read_text()
    if path.suffix == ".sol":
        return frozenset(re.findall(r"function ((?:test|invariant)\w*)\(", text))
    return frozenset(node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("name", SHOWN_BY_TESTS)
def test_every_test_that_is_named_exists(name: str) -> None:
    named = NAMED_TEST.findall((ROOT / "docs" / name).read_text())
    assert named
    missing = [f"{file}::{test}" for file, test in named if test not in _functions_of(ROOT / file)]
    assert not missing


def _functions_of(path: Path) -> frozenset[str]:
    return functions(path) if path.is_file() else frozenset()


@pytest.mark.parametrize("name", SHOWN_BY_TESTS)
def test_what_looks_like_a_test_is_named_in_full(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    loose = [word for word in re.findall(r"`([^`]*::[^`]*)`", text) if not NAMED_TEST.fullmatch(f"`{word}`")]
    assert [word for word in loose if word != "file::function"] == []


def rooms_of_the_map() -> dict[str, str]:
    section = README.read_text().split("## The rooms")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))


def rooms_of_the_tree() -> set[str]:
    """Top-level directories that git knows, and fiducia's rooms down to the second floor."""
    listed = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    )
    top = {name.split("/")[0] for name in listed if "/" in name and not name.startswith(".")} - {"src"}
    source = ROOT / "src" / "fiducia"
    packages = {path.parent for path in source.glob("*/__init__.py")} | {
        path.parent for path in source.glob("*/*/__init__.py")
    }
    modules = {path for path in source.glob("*.py") if not path.name.startswith("__")}
    return top | {name_of(path) for path in packages | modules}


def test_the_map_is_the_tree() -> None:
    assert set(rooms_of_the_map()) == rooms_of_the_tree()


def test_every_room_has_one_line() -> None:
    assert all(0 < len(line) <= 140 for line in rooms_of_the_map().values())


def test_every_decision_is_in_the_index_under_its_title() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == sorted(set(numbers)), "each number once; one may be given before its page is written"
    for page in pages:
        title = page.read_text().split("\n")[0].removeprefix("# ")
        assert f"[{title}](adr/{page.name})" in index
        assert int(page.name[:4]) == int(title.split(".")[0])


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=name_of)
def test_a_decision_is_one_page_with_its_three_parts(page: Path) -> None:
    text = page.read_text()
    assert text.count("\n") <= 60
    parts = [text.index(f"**{part}.**") for part in ("Context", "Decision", "Consequence")]
    assert parts == sorted(parts)


def test_scripts_that_are_named_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"scripts/[a-z_]+\b", page.read_text()):
            assert (ROOT / name).exists(), f"{name_of(page)} names {name}"


def test_the_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    from fiducia import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FiduciaError)]
    section = README.read_text().split("## Exit codes")[1].split("\n## ")[0]
    printed = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert printed == {kind.exit_code for kind in kinds} | {0, 130}


def test_the_picture_is_well_formed_and_says_in_words_what_it_shows() -> None:
    root = ElementTree.parse(ROOT / "docs" / "flow.svg").getroot()
    names = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert names["title"]
    steps = re.findall(r"(?<!\S)([1-8]) ", names["desc"])
    assert steps == list("12345678")
    assert "prefers-color-scheme: dark" in (ROOT / "docs" / "flow.svg").read_text()
