"""Where one mutant after the other is built and tested: a copy of the contracts, beside which another may work."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.proofs.mutants import Mutant
from scripts.proofs.tools import CONTRACTS, NO_GAS_TESTS, ROOT, StepFailed, passed, read_results, run, tail

KILLED, SURVIVED, STILLBORN = "killed", "survived", "stillborn"
SETTINGS = {
    # Tests create contracts by name: a mutant of one contract does not have every test compiled anew.
    "FOUNDRY_DYNAMIC_TEST_LINKING": "true",
    "FOUNDRY_DENY": "never",
    "FOUNDRY_FUZZ_RUNS": "24",
    "FOUNDRY_FUZZ_SEED": "0x1",
    "FOUNDRY_INVARIANT_RUNS": "6",
    "FOUNDRY_INVARIANT_DEPTH": "64",
    "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0",
}
ALL_BUT_INVARIANTS = ("--no-match-test", "^invariant_", *NO_GAS_TESTS)
INVARIANTS = ("--match-test", "^invariant_")
NEAR = {
    "src/Members.sol": ("--match-path", "test/members/*"),
    "src/Subjects.sol": ("--match-path", "test/subjects/*"),
    "src/Studies.sol": ("--match-path", "test/studies/*"),
    "src/Grants.sol": ("--match-path", "test/grants/*"),
    "src/Releases.sol": ("--match-path", "test/releases/*"),
    "src/WebAuthnVerifier.sol": ("--match-contract", "^WebAuthnVerifierTest$"),
    "src/libraries/Base64Url.sol": ("--match-contract", "^Base64UrlTest$"),
    "src/libraries/Policy.sol": ("--match-path", "test/Decision*"),
    "src/libraries/Reviews.sol": ("--match-contract", "^ReviewsTest$"),
    "src/libraries/Rules.sol": ("--match-contract", "^RulesTest$"),
    "src/libraries/SignerCheck.sol": ("--match-contract", "^SignerCheckTest$"),
    "src/libraries/Staff.sol": ("--match-contract", "^StaffTest$"),
}
"""What is most likely to notice a mutant of a file, and is tried before everything else: most die of it."""
PATIENCE = 10.0  # a mutant that takes so many times longer than the original hangs
LEAST_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        verdict: killed, survived, or stillborn (it does not compile).
        by: the suite that killed it, or `time`.
    """

    verdict: str
    by: str = ""


class Workshop:
    """A copy of the contracts, built once; then only what a mutant changes is built."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.contracts = folder / "contracts"
        self.threads = threads
        self.timeout_s = 0.0

    def open(self) -> None:
        """Copy, build, test the original.

        Raises:
            StepFailed: the original does not pass.
        """
        vectors = Path("tests", "vectors")
        folders = [(CONTRACTS / name, self.contracts / name) for name in ("src", "test", "bin")]
        for original, copy in [*folders, (ROOT / vectors, self.contracts.parent / vectors)]:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(original, copy, ignore=shutil.ignore_patterns("halmos"))
        for name in ("foundry.toml", "package.json"):
            shutil.copy(CONTRACTS / name, self.contracts / name)
        modules = self.contracts / "node_modules"
        modules.unlink(missing_ok=True)
        modules.symlink_to((CONTRACTS / "node_modules").resolve())
        self._test(["--match-test", "^$"], None)  # builds
        begun = time.monotonic()
        for selection in (ALL_BUT_INVARIANTS, INVARIANTS):
            done = self._test(list(selection), None)
            if done.returncode:
                failed = [f"{each['suite']} {each['name']}" for each in read_results(done.stdout) if not passed(each)]
                raise StepFailed("\n".join(["the tests fail without a mutant:", *failed, "" if failed else tail(done)]))
        self.timeout_s = max(LEAST_TIMEOUT_S, PATIENCE * (time.monotonic() - begun))

    def close(self) -> None:
        """Leave nothing behind; a run that was interrupted leaves what it has built to the next one."""
        shutil.rmtree(self.contracts.parent, ignore_errors=True)

    def try_mutant(self, mutant: Mutant, hint: str) -> Outcome:
        """Build a mutant and test it: by the suite that killed it before, by those near it, by all."""
        path = self.contracts / mutant.file
        original = path.read_bytes()
        path.write_bytes(mutant.apply(original))
        try:
            return self._judge(mutant.file, hint)
        finally:
            path.write_bytes(original)

    def _judge(self, file: str, hint: str) -> Outcome:
        selections = [ALL_BUT_INVARIANTS, INVARIANTS]
        if ":" in hint:
            selections.insert(0, ("--match-contract", f"^{hint.partition(':')[2]}$"))
        elif file in NEAR:
            selections.insert(0, NEAR[file])
        for selection in selections:
            try:
                done = self._test(list(selection), self.timeout_s)
            except subprocess.TimeoutExpired:
                return Outcome(KILLED, "time")
            if done.returncode == 0:
                continue
            results = read_results(done.stdout)
            if killers := [each["suite"] for each in results if not passed(each)]:
                return Outcome(KILLED, killers[0])
            if "Compiler run failed" in done.stdout + done.stderr:
                return Outcome(STILLBORN)
            raise StepFailed(tail(done))
        return Outcome(SURVIVED)

    def _test(self, selection: list[str], timeout_s: float | None) -> subprocess.CompletedProcess[str]:
        command = ["forge", "test", "--json", "--fail-fast", "--threads", str(self.threads), *selection]
        return run(command, SETTINGS, self.contracts, timeout_s)
