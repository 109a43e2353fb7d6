"""Mutants of Solidity: every operator makes its mistakes, at the right bytes, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.proofs.mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[3]
SOLC = ROOT / "contracts" / "bin" / "solc"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (ROOT / "contracts" / "node_modules").is_dir(),
    reason="needs npm ci in contracts/",
)

SOURCE = """// é is two bytes
pragma solidity ^0.8.30;
library L {
    function twice(uint256 a) internal pure returns (uint256) {
        return a * 2;
    }
}
interface I {
    function ask() external pure returns (uint256 one);
}
abstract contract C {
    event Told(uint256 what);
    error No();
    struct S { uint256 x; uint256 y; }
    uint256 private constant WEEK = 1 << 7;
    S private _s;
    mapping(uint256 => uint256) private _m;
    modifier only() {
        if (msg.sender == address(0)) revert No();
        _;
    }
    function write(uint256 a) external only {
        S storage s = _s;
        S memory copy = s;
        copy.x = a;
        s.x = a;
        _m[a] = 0x0f;
        (_s.x, _s.y) = (a, a);
        _s.y += L.twice(a);
        delete _m[a];
        emit Told(a);
        require(a > 3 hours);
        _check(a, copy.x);
    }
    function _check(uint256 a, uint256 b) private pure {
        if (a < b && !(a == 7)) { revert No(); }
        if (a | b != ~b) return;
        bool yes = true;
        a = yes ? a : b;
        assembly { a := add(a, 1) }
        for (uint256 i = 0; i < b; ++i) a = i;
    }
}
"""


@pytest.fixture(scope="module")
def found() -> list[Mutant]:
    question = {
        "language": "Solidity",
        "sources": {"C.sol": {"content": SOURCE}},
        "settings": {"outputSelection": {"*": {"": ["ast"]}}},
    }
    done = subprocess.run(
        [SOLC, "--standard-json"], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    return mutants("C.sol", SOURCE.encode(), json.loads(done.stdout)["sources"]["C.sol"]["ast"])


def of(found: list[Mutant], operator: str) -> set[tuple[str, str]]:
    return {(each.before, each.replacement) for each in found if each.operator == operator}


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (
            "operator",
            {
                ("a * 2", "a / 2"),
                ("1 << 7", "1 >> 7"),
                ("msg.sender == address(0)", "msg.sender != address(0)"),
                ("_s.y += L.twice(a)", "_s.y -= L.twice(a)"),
                ("a > 3 hours", "a >= 3 hours"),
                ("a > 3 hours", "a <= 3 hours"),
                ("a < b && !(a == 7)", "a < b || !(a == 7)"),
                ("a < b", "a <= b"),
                ("a < b", "a >= b"),
                ("a == 7", "a != 7"),
                ("a | b != ~b", "a | b == ~b"),
                ("a | b", "a & b"),
                ("i < b", "i <= b"),
                ("i < b", "i >= b"),
                ("++i", "--i"),
            },
        ),
        ("negation", {("!(a == 7)", "(a == 7)"), ("~b", "b")}),
        ("condition", {("a < b && !(a == 7)", "!(a < b && !(a == 7))"), ("yes", "!(yes)")}),
        (
            "literal",
            {
                ("2", "3"),
                ("1", "2"),
                ("7", "8"),
                ("0", "1"),
                ("0x0f", "0x10"),
                ("3 hours", "4 hours"),
                ("true", "false"),
            },
        ),
        (
            "guard",
            {
                ("if (msg.sender == address(0)) revert No();", "{ }"),
                ("if (a < b && !(a == 7)) { revert No(); }", "{ }"),
                ("if (a | b != ~b) return;", "{ }"),
            },
        ),
        (
            "write",
            {
                ("s.x = a;", "{ }"),
                ("_m[a] = 0x0f;", "{ }"),
                ("(_s.x, _s.y) = (a, a);", "{ }"),
                ("_s.y += L.twice(a);", "{ }"),
                ("delete _m[a];", "{ }"),
            },
        ),
        ("event", {("emit Told(a);", "{ }")}),
        ("call", {("require(a > 3 hours);", "{ }"), ("_check(a, copy.x);", "{ }")}),
        ("modifier", {("only", "")}),
    ],
)
def test_every_operator_makes_its_mistakes(found: list[Mutant], operator: str, expected: set[tuple[str, str]]) -> None:
    assert of(found, operator) == expected


def test_there_are_no_other_mistakes(found: list[Mutant]) -> None:
    kinds = {"operator", "negation", "condition", "literal", "guard", "write", "event", "call", "modifier"}
    assert {each.operator for each in found} == kinds
    assert not any(each.where.startswith("I.") for each in found)  # an interface has nothing to mistake


def test_a_mutant_changes_its_bytes_alone(found: list[Mutant]) -> None:
    for each in found:
        changed = each.apply(SOURCE.encode())
        assert changed != SOURCE.encode()
        assert changed[: each.start] == SOURCE.encode()[: each.start]
        assert changed.endswith(SOURCE.encode()[each.start + each.length :])
        assert len(changed) - len(SOURCE.encode()) == len(each.replacement.encode()) - each.length


def test_every_mutant_has_a_place_and_a_key_of_its_own(found: list[Mutant]) -> None:
    assert len({each.place for each in found}) == len({each.key for each in found}) == len(found)
    assert "L.twice: a * 2 -> a / 2" in {each.place for each in found}
    assert {"C._check: 0 -> 1", "C.WEEK"} & {each.place for each in found} == {"C._check: 0 -> 1"}
    assert {"C: 1 -> 2", "C.only: 0 -> 1", "C.write: only -> nothing"} <= {each.place for each in found}


def test_every_mutant_compiles(found: list[Mutant]) -> None:
    question = {
        "language": "Solidity",
        "sources": {f"{each.key}.sol": {"content": each.apply(SOURCE.encode()).decode()} for each in found},
        "settings": {"outputSelection": {"*": {"": ["ast"]}}},
    }
    done = subprocess.run(
        [SOLC, "--standard-json"], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    errors = [each["formattedMessage"] for each in json.loads(done.stdout)["errors"] if each["severity"] == "error"]
    assert errors == []
