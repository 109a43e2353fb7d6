"""Builds the contracts' artifacts: ABI and bytecode as committed for the Python side.

Compiles `contracts/src` with py-solc-x through the npm compiler's wrapper, under exactly the settings of
`contracts/foundry.toml`, and writes one compact JSON file per contract: abi, bytecode, deployedBytecode and
where immutables stand in it (zeros there until deployment). `--check` writes nothing: it compares the committed
files with a fresh build and the fresh build with forge's own output, and exits 1 naming every difference.
Needs `npm ci` in contracts/ (scripts/install).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, cast

from solcx.wrapper import solc_wrapper

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "src" / "fiducia" / "adapters" / "evm" / "artifacts"
NAMES = ("WebAuthnVerifier", "Members", "Subjects", "Studies", "Grants", "Releases")
IMPORT = re.compile(r'^\s*import\s[^;]*?"([^"]+)"\s*;', re.MULTILINE)

Json = dict[str, Any]


def profile() -> Json:
    """forge's default profile, the one place where compiler settings are written."""
    return cast(Json, tomllib.loads((CONTRACTS / "foundry.toml").read_text())["profile"]["default"])


def sources(remappings: list[str]) -> dict[str, Json]:
    """Every source the contracts need, by forge's name for it (a path from contracts/)."""
    found: dict[str, Json] = {}
    waiting = [CONTRACTS / "src" / f"{name}.sol" for name in NAMES]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(CONTRACTS).as_posix()
        if name in found:
            continue
        text = path.read_text(encoding="utf-8")
        found[name] = {"content": text}
        waiting += [resolve(target, path, remappings) for target in IMPORT.findall(text)]
    return dict(sorted(found.items()))


def resolve(target: str, importer: Path, remappings: list[str]) -> Path:
    """Where an import statement leads."""
    if target.startswith("."):
        return (importer.parent / target).resolve()
    for remapping in remappings:
        prefix, _, place = remapping.partition("=")
        if target.startswith(prefix):
            return CONTRACTS / place / target.removeprefix(prefix)
    raise SystemExit(f"{importer.relative_to(ROOT)} imports {target}, which no remapping in foundry.toml covers")


def compile_contracts() -> dict[str, Json]:
    """Compile, and return name -> {abi, bytecode, deployedBytecode, immutableReferences}."""
    chosen = profile()
    remappings: list[str] = chosen["remappings"]
    question = {
        "language": "Solidity",
        "sources": sources(remappings),
        "settings": {
            "remappings": remappings,
            "optimizer": {"enabled": chosen["optimizer"], "runs": chosen["optimizer_runs"]},
            "metadata": {"bytecodeHash": chosen["bytecode_hash"], "appendCBOR": chosen["cbor_metadata"]},
            "evmVersion": chosen["evm_version"],
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode"]}},
        },
    }
    answer = json.loads(
        solc_wrapper(solc_binary=CONTRACTS / chosen["solc"], stdin=json.dumps(question), standard_json=True)[0]
    )
    if problems := [entry["formattedMessage"] for entry in answer.get("errors", ())]:
        raise SystemExit("\n".join(problems))
    return {name: artifact(answer["contracts"][f"src/{name}.sol"][name]) for name in NAMES}


def artifact(compiled: Json) -> Json:
    """The parts of one compiled contract that the Python side needs, stable from build to build."""
    runtime = compiled["evm"]["deployedBytecode"]
    return {
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + runtime["object"],
        "immutableReferences": places(runtime["immutableReferences"]),
    }


def places(references: dict[str, list[dict[str, int]]]) -> list[dict[str, int]]:
    """Where immutables stand in the code; the compiler's keys are node numbers that mean nothing outside it."""
    return sorted((place for group in references.values() for place in group), key=lambda place: place["start"])


def render(built: Json) -> str:
    """One contract's file: compact and sorted, so that equal builds are equal bytes."""
    return json.dumps(built, sort_keys=True, separators=(",", ":")) + "\n"


def differences_from_committed(built: dict[str, Json]) -> list[str]:
    """How the committed files differ from a fresh build."""
    expected = {f"{name}.json": render(contract) for name, contract in built.items()}
    present = {path.name: path.read_text(encoding="utf-8") for path in sorted(ARTIFACTS.glob("*.json"))}
    return [
        f"{(ARTIFACTS / name).relative_to(ROOT)}: differs from a fresh build; run scripts/build_artifacts.py"
        for name in sorted(expected.keys() | present.keys())
        if expected.get(name) != present.get(name)
    ]


def differences_from_forge(built: dict[str, Json]) -> list[str]:
    """How forge's own build differs from ours."""
    forge = CONTRACTS / "bin" / "forge"  # npm's own wrapper loses the exit code
    done = subprocess.run([str(forge), "build", "src"], cwd=CONTRACTS, capture_output=True, text=True, check=False)
    if done.returncode:
        return [f"forge build failed:\n{done.stdout}{done.stderr}"]
    found = []
    for name, ours in built.items():
        theirs = json.loads((CONTRACTS / "out" / f"{name}.sol" / f"{name}.json").read_text(encoding="utf-8"))
        same = {
            "abi": canonical(theirs["abi"]) == canonical(ours["abi"]),
            "bytecode": theirs["bytecode"]["object"] == ours["bytecode"],
            "deployedBytecode": theirs["deployedBytecode"]["object"] == ours["deployedBytecode"],
            "immutableReferences": places(theirs["deployedBytecode"].get("immutableReferences", {}))
            == ours["immutableReferences"],
        }
        found += [f"{name}: {part} differs between forge and py-solc-x" for part, equal in same.items() if not equal]
    return found


def canonical(abi: list[Json]) -> list[str]:
    """An ABI whatever the order of its entries and their keys."""
    return sorted(json.dumps(entry, sort_keys=True) for entry in abi)


def main() -> int:
    """Write the artifacts, or compare them with `--check`."""
    parser = argparse.ArgumentParser(description="Build the contracts' ABI and bytecode, or check the committed ones.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when anything differs")
    arguments = parser.parse_args()
    built = compile_contracts()
    if not arguments.check:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        for name, contract in built.items():
            (ARTIFACTS / f"{name}.json").write_text(render(contract), encoding="utf-8")
        return 0
    found = differences_from_committed(built) + differences_from_forge(built)
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
