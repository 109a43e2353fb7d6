"""Three real brokers, two of which open a key: one is patched to say yes always, one is killed, then two."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from structlog.testing import capture_logs

from fiducia.app.broker import create_app
from fiducia.app.home import Home
from fiducia.app.plan import load_plan
from fiducia.app.profiles import KeyName
from fiducia.app.wiring import House
from fiducia.core import ids
from fiducia.core.keys.sealing import open_shares
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.rules import Action, Purpose
from fiducia.errors import DeniedError, KeyMissingError
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.handing import SealKeys
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.stalls.late_checks import STALLED_S
from fiducia.records.images import HandOver
from fiducia.records.typed import Access, StaffAccess
from tests.support.images import small_study
from tests.support.stack import Development, running_stack
from tests.support.truths import assert_same_files, state_of

DENIED, AT_ONCE = 1000, 8
MEMBERS = {1: "hospital-a", 2: "hospital-b", 3: "hospital-c"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    with running_stack(tmp_path_factory.mktemp("trustees"), "embedded", "--trustees", "2of3") as development:
        yield development


class Yes:
    """Hands over whatever is asked for, asking nobody."""

    def __init__(self, seal: SealKeys) -> None:
        self.run = seal.run


@contextmanager
def patched(stack: Development, member: str) -> Iterator[None]:
    """Run a member's broker, on its own address and with its own vault, that says yes always."""
    stack.end_broker(member)
    plan = load_plan(stack.home)
    assert plan is not None
    with stack.house() as house, capture_logs(), socket.socket() as listener:  # stdout is the commands'
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", plan.broker_ports[member]))
        listener.listen(128)
        parts = house.broker_parts(member)
        seal = SealKeys(
            mirror=parts.mirror,
            store=parts.store,
            vault=parts.vault,
            domains=house.domains,
            trustee=parts.institution,
            signer=house.broker_keys(member).sign,
        )
        app = create_app(dataclasses.replace(parts, hand_over=Yes(seal)))  # type: ignore[arg-type]
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


def test_two_of_three(stack: Development, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = small_study(tmp_path / "study", "trustees")
    study = str(stack.register(*files)["studies"][0]["study_id"])
    grant = stack.grant(study)
    stack.fetch(study, tmp_path / "all")
    assert_same_files(tmp_path / "all", files)
    rekeyed = stack.fiducia("study", "rekey", study, "--as", "hospital-a")
    assert (rekeyed["revision"], rekeyed["withdrawn"]) == (3, [1, 2])
    assert (rekeyed["destroyed"], rekeyed["waiting"]) == ([1, 2, 3], [])
    stack.fetch(study, tmp_path / "rekeyed")
    assert_same_files(tmp_path / "rekeyed", files)

    with patched(stack, "hospital-b"):
        stack.fiducia("grant", "revoke", grant, "--as", "patient")
        answered, rebuilt = denied(stack, bytes.fromhex(study[2:]))
        assert (answered, rebuilt) == (DENIED, 0)
        stack.fetch(study, tmp_path / "none", expect=3)

        stack.grant(study)
        stack.end_broker("hospital-c")
        stack.fetch(study, tmp_path / "one-down")
        assert_same_files(tmp_path / "one-down", files)

    told = stack.fetch(study, tmp_path / "two-down", expect=4)
    assert "1 of the 2 trustees that it takes" in told["detail"]
    assert "institution 2: the broker does not answer" in told["detail"]
    assert not (tmp_path / "two-down").exists()
    stack.broker("hospital-b")
    stack.fetch(study, tmp_path / "two-down")
    assert_same_files(tmp_path / "two-down", files)
    moved = stack.fiducia(*move_words(study, "hospital-a", "hospital-b"), expect=4)
    assert (moved["revision"], moved["waiting"]) == (5, [3])  # hospital-c's broker is down
    stack.broker("hospital-c")
    again = stack.fiducia(*move_words(study, "hospital-a", "hospital-b"), expect=(0, 4))
    assert again["changed"] is False
    shown = stack.fiducia("study", "custody", study)
    assert (shown["threshold"], [each["institution"] for each in shown["trustees"]]) == (2, [1, 2])
    stack.fetch(study, tmp_path / "moved")
    assert_same_files(tmp_path / "moved", files)
    assert stack.fiducia("audit", "verify")["verified"] is True
    with capsys.disabled():
        print(f"\n{DENIED} denied requests, of which a patched broker answered {answered}: {rebuilt} keys rebuilt")


def test_an_emergency_opens_with_two_of_three_while_the_chain_stalls(stack: Development, tmp_path: Path) -> None:
    files = small_study(tmp_path / "study", "stalled")
    study = str(stack.register(*files)["studies"][0]["study_id"])
    for member in MEMBERS.values():
        stack.broker(member)
    stack.fiducia("badge", "issue", "nurse-b", "--role", "NURSE", "--as", "hospital-b")
    with stack.mining_stopped():
        refused = stack.fiducia(*stall_words(study, tmp_path / "out"), expect=3)
        assert refused["reason"] == "NOT_STALLED"
        newest = int(stack.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        while time.time() - newest <= STALLED_S + 1:
            time.sleep(1)
        stack.end_broker("hospital-c")
        stack.killed("fetch.instance-staged", *stall_words(study, tmp_path / "out"))
        assert not (tmp_path / "out").exists()
        stack.end_broker("hospital-b")
        short = stack.fiducia(*stall_words(study, tmp_path / "out"), expect=4)
        assert "institution 2: " in short["detail"]
        assert "institution 3: " in short["detail"]
        assert not (tmp_path / "out").exists()
        stack.broker("hospital-b")
        done = stack.fiducia(*stall_words(study, tmp_path / "out"))
        assert_same_files(tmp_path / "out", files)
        assert list(tmp_path.glob(".out.*")) == []
        away = without_chain(stack, tmp_path / "away")
        elsewhere = stack.fiducia(*stall_words(study, tmp_path / "elsewhere"), home=away)
        assert_same_files(tmp_path / "elsewhere", files)
        for path in Home(away).member("hospital-b").mirror.parent.glob("mirror.sqlite*"):
            path.unlink()
        unseen = stack.fiducia(*stall_words(study, tmp_path / "unseen"), home=away, expect=4)
        assert "no new block" in unseen["detail"]
    with stack.house() as house:
        ids_asked = {bytes.fromhex(str(each["request_id"])[2:]) for each in (done, elsewhere)}
        until = time.monotonic() + 60
        while not all(told(house, each) for each in ids_asked):
            assert time.monotonic() < until
            time.sleep(1)
        handed_over = {entry.subject_id for entry in house.journal("hospital-a").entries("late_handed_over")}
        assert handed_over == ids_asked  # what was killed, and what too few answered, were the same emergency
        assert all(state_of(house).late_release(each) is not None for each in ids_asked)
        assert not any(state_of(house).releases(bytes.fromhex(study[2:])))
    found = stack.fiducia("audit", "verify", expect=1)
    assert {each["code"] for each in found["findings"]} == {"EMERGENCY_LATE"}


def stall_words(study: str, out: Path) -> tuple[str, ...]:
    """The words that fetch in an emergency while the chain stalls."""
    return ("emergency", "fetch", study, "--out", str(out), "--hours", "1", "--as", "clinician", "--with", "nurse-b")


def without_chain(stack: Development, root: Path) -> Path:
    """A copy of the home whose endpoint does not answer."""
    shutil.copytree(stack.home.root, root)
    with socket.socket() as closed, stack.house() as house:
        closed.bind(("127.0.0.1", 0))
        network = dataclasses.replace(
            house.consortium.network, rpc_urls=(f"http://127.0.0.1:{closed.getsockname()[1]}",)
        )
        Home(root).save(dataclasses.replace(house.consortium, network=network))
    return root


def told(house: House, request_id: bytes) -> bool:
    """Whether the custodian told the ledger, and the trustee's journal knows that it did."""
    kinds = {
        member: [entry.kind for entry in house.journal(member).entries() if entry.subject_id == request_id]
        for member in ("hospital-a", "hospital-b")
    }
    assert kinds["hospital-a"][:1] == ["late_handed_over"]
    assert kinds["hospital-b"][:1] == ["late_share_handed_over"]
    return all(each[-1] == "late_recorded" for each in kinds.values())


def move_words(study: str, *members: str) -> list[str]:
    """The words that deal a study's keys anew, two of which open it."""
    to = [word for member in members for word in ("--to", member)]
    return ["study", "move-custody", study, *to, "--threshold", "2", "--as", "hospital-a"]


def denied(stack: Development, study_id: bytes) -> tuple[int, int]:
    """Ask all three brokers for what nobody grants; returns how often one answered, and how many keys that opened."""
    with stack.house() as house:
        profile = house.profiles().load("clinician")
        seed = house.profiles().load("hospital-b").gateway().seed
        requester = Requester(profile.signer(KeyName.SESSION), seed, profile.badge)
        manifest = read_manifest(house.store(), state_of(house).studies()[0].manifest)
        custody = read_custody(house.store(), manifest)
        draw_up = DrawUpRequest(
            mirror=house.mirror("hospital-b"), clock=house.clock, entropy=house.entropy, domains=house.domains
        )
        pattern = draw_up.run(study_id, 0, Purpose.TREAT, Action.RETAIN, requester)
        assert isinstance(pattern, StaffAccess)

        def ask(number: int) -> tuple[int, int]:
            request = dataclasses.replace(pattern.request, salt=number.to_bytes(32, "big"))
            signature = requester.signer.sign(house.domains.digest(request))
            access: Access = dataclasses.replace(pattern, request=request, signature=signature)
            handed: list[HandOver] = []
            for institution in MEMBERS:
                try:
                    handed.append(house.broker(institution).hand_over(access))
                except DeniedError:
                    continue
            shares: list[SeriesShare] = []
            for each in handed:
                shares += open_shares(
                    each.sealed, seed=seed, request_id=ids.request_id(access.request), trustee=each.trustee
                )
            try:
                custody.combine([share for share in shares if share.series == 1])
            except KeyMissingError:
                return len(handed), 0
            return len(handed), 1

        for institution in MEMBERS:
            house.broker(institution)  # opened here, used by all threads
        with ThreadPoolExecutor(AT_ONCE) as threads:
            done = list(threads.map(ask, range(DENIED)))
    return sum(answered for answered, _ in done), sum(rebuilt for _, rebuilt in done)
