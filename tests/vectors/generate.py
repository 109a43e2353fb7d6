"""Writes the format vectors: files with one expected outcome each, for implementers in any language.

    python -m tests.vectors.generate            writes tests/vectors/formats
    python -m tests.vectors.generate --check    fails on any difference, and writes nothing

Everything is derived from labels (`material`), so the files are the same on every machine; only the sealed
keys and ML-DSA signatures cannot be (they are randomized): what stands in their files is kept as long as it
opens or holds. docs/formats.md, "Vectors", says how to read them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.vectors.attestation_cases import attestation_cases
from tests.vectors.keys_cases import key_cases
from tests.vectors.log_cases import log_cases
from tests.vectors.object_cases import object_cases
from tests.vectors.provenance_case import provenance_cases
from tests.vectors.study_case import study_files

FOLDER = Path(__file__).parent / "formats"


def expected_files() -> dict[str, bytes]:
    """Return every vector file by its path under `FOLDER`."""
    files: dict[str, bytes] = {}
    kept = [*key_cases(FOLDER), *log_cases(FOLDER), *attestation_cases(FOLDER)]
    for name, case in [*object_cases(), *kept, *provenance_cases()]:
        files[f"{name}.json"] = (json.dumps(case, indent=2) + "\n").encode()
    files.update({f"study/{name}": data for name, data in study_files().items()})
    return files


def differences(files: dict[str, bytes]) -> list[str]:
    """Return what is missing, different or superfluous on disk."""
    here = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    changed = {name for name, data in files.items() if name in here and (FOLDER / name).read_bytes() != data}
    return sorted(
        [f"missing: {name}" for name in files.keys() - here]
        + [f"different: {name}" for name in changed]
        + [f"superfluous: {name}" for name in here - files.keys()]
    )


def main(arguments: list[str] | None = None) -> int:
    """Write or check; 1 when a check found a difference."""
    parser = argparse.ArgumentParser(description="Write or check the format vectors.")
    parser.add_argument("--check", action="store_true", help="fail on a difference instead of writing")
    check = parser.parse_args(arguments).check
    files = expected_files()
    found = differences(files)
    for line in found:
        print(line, file=sys.stderr)
    if check or not found:
        return 1 if found else 0
    for line in found:
        name = line.split(": ", 1)[1]
        if name in files:
            (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / name).write_bytes(files[name])
        else:
            (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
