"""A chain that is not what the home is bound to: named, with the exit code of its kind, and nothing done.

Another network at the address, contracts that are gone or replaced (as only Anvil can), a clock far off the chain's.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from fiducia.app.plan import load_plan
from tests.support.anvil import running_anvil
from tests.support.images import small_series
from tests.support.stack import Development, fetch_words, grant_words, running_stack
from tests.support.truths import objects_of

CONTRACTS = ("members", "subjects", "studies", "grants", "releases")


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    with running_stack(tmp_path_factory.mktemp("troubles")) as running:
        yield running


@pytest.fixture(scope="module")
def study_id(development: Development) -> str:
    """A study that the clinician may open, as long as the chain is sound."""
    small_series(development.root / "given", "given")
    (study,) = development.register(development.root / "given")["studies"]
    development.grant(study["study_id"])
    return str(study["study_id"])


def every_verb(development: Development, study_id: str, tmp_path: Path) -> list[tuple[str, ...]]:
    """One command of each kind that asks the chain."""
    small_series(tmp_path / "new", str(tmp_path))
    return [
        ("study", "register", str(tmp_path / "new")),
        ("study", "list"),
        grant_words(study_id, "--series", "1"),
        fetch_words(study_id, tmp_path / "out"),
        ("audit", "verify"),
        ("audit", "report", "--out", str(tmp_path / "report.json")),
        ("member", "list"),
    ]


def refused_everywhere(
    development: Development, study_id: str, tmp_path: Path, code: int, words: str, home: Path | None = None
) -> None:
    """Every verb ends with this code and these words, and leaves nothing behind."""
    before = objects_of(development)
    for command in every_verb(development, study_id, tmp_path):
        assert words in development.fiducia(*command, expect=code, home=home)["detail"]
    assert objects_of(development) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["new"]


@contextmanager
def copied_home(development: Development, tmp_path: Path, rpc_url: str) -> Iterator[Path]:
    """A copy of the home that finds its chain at another address; its store is the same."""
    copy = tmp_path / "home"
    shutil.copytree(development.home.root, copy, ignore=shutil.ignore_patterns("store", "chain", "logs", "run"))
    path = copy / "network.json"
    pins = json.loads(path.read_text())
    pins["chain"]["rpc_urls"] = [rpc_url]
    path.write_text(json.dumps(pins))
    yield copy


def test_another_chain_at_the_address_is_the_wrong_network(
    development: Development, study_id: str, tmp_path: Path
) -> None:
    with running_anvil(development.root) as other, copied_home(development, tmp_path, other.url) as home:
        refused_everywhere(development, study_id, tmp_path, 2, "wrong network: the endpoint serves chain 777001", home)


def test_a_chain_of_the_same_number_that_began_anew_is_the_wrong_network(
    development: Development, study_id: str, tmp_path: Path
) -> None:
    plan = load_plan(development.home)
    assert plan is not None
    with (
        running_anvil(development.root, chain_id=plan.chain_id) as other,
        copied_home(development, tmp_path, other.url) as home,
    ):
        refused_everywhere(development, study_id, tmp_path, 2, "a chain with another first block", home)


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize(
    ("code", "words"),
    [("0x", "contracts not deployed: there is no code at the address of"), ("0x00", "other code at the address of")],
    ids=["gone", "replaced"],
)
def test_contracts_that_are_gone_or_replaced_are_noticed(
    development: Development, study_id: str, tmp_path: Path, contract: str, code: str, words: str
) -> None:
    address = json.loads(development.home.network_file.read_text())["chain"]["contracts"][contract]
    sound = development.rpc("eth_getCode", address, "latest")
    development.rpc("anvil_setCode", address, code)
    try:
        refused_everywhere(development, study_id, tmp_path, 2, f"{words} {contract.capitalize()}")
    finally:
        development.rpc("anvil_setCode", address, sound)
    development.fiducia("audit", "verify")


def test_a_broker_does_not_start_on_contracts_that_are_not_the_pinned_ones(development: Development) -> None:
    """It answers, it names the chain as the part that is not ready, and it releases nothing."""
    address = json.loads(development.home.network_file.read_text())["chain"]["contracts"]["releases"]
    sound = development.rpc("eth_getCode", address, "latest")
    development.rpc("anvil_setCode", address, "0x00")
    try:
        development.broker()
        answer = httpx2.get(f"{development.broker_url()}/readyz", trust_env=False)
        assert answer.status_code == 503
        parts = answer.json()["parts"]
        assert parts["chain"] == "config"
        assert {parts[name] for name in ("store", "vault", "journal", "standing")} == {"ok"}
    finally:
        development.rpc("anvil_setCode", address, sound)
        development.broker()


def test_a_clock_far_off_the_chains_stops_everything(development: Development, study_id: str, tmp_path: Path) -> None:
    """Runs last: a chain's time never goes back."""
    development.fetch(study_id, tmp_path / "before")
    shutil.rmtree(tmp_path / "before")
    with development.house() as house:
        handed_over = len(list(house.journal("hospital-a").entries("handed_over")))
    development.rpc("evm_increaseTime", 3600)
    development.rpc("evm_mine")
    refused_everywhere(development, study_id, tmp_path, 4, "ahead by this machine's clock, 15 s are allowed")
    answer = httpx2.get(f"{development.broker_url()}/readyz", trust_env=False)
    assert (answer.status_code, answer.json()["parts"]["chain"]) == (503, "ledger-stale")
    with development.house() as house:
        assert len(list(house.journal("hospital-a").entries("handed_over"))) == handed_over
