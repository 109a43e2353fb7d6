"""Three real brokers, two of which open a key: one is patched to say yes always, one is killed, then two."""

from __future__ import annotations

import dataclasses
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
from fiducia.app.cli.acting import staff_approver
from fiducia.app.plan import load_plan
from fiducia.app.profiles import KeyName
from fiducia.app.wiring import House
from fiducia.core import ids
from fiducia.core.keys.kem import KemKey
from fiducia.core.keys.sealing import key_hash, open_shares
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.rules import REVIEW_WITHIN_S, Action, Basis, Purpose, mask
from fiducia.errors import DeniedError, KeyMissingError, TrusteeError
from fiducia.journeys.approving import Approver
from fiducia.journeys.asking import DrawUpRequest, Requester
from fiducia.journeys.handing import SealKeys
from fiducia.journeys.late_checks import STALLED_S
from fiducia.journeys.late_collecting import CollectInStall
from fiducia.journeys.objects import read_custody, read_manifest
from fiducia.records.images import HandOver
from fiducia.records.ledger import GrantAct
from fiducia.records.statements import StalledEmergency
from fiducia.records.typed import Access, Grant, KeyRequest, StaffAccess
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
    study_id = bytes.fromhex(str(stack.register(*files)["studies"][0]["study_id"])[2:])
    for member in MEMBERS.values():
        stack.broker(member)
    stack.fiducia("badge", "issue", "nurse-b", "--role", "NURSE", "--as", "hospital-b")
    with stack.house() as house, stack.mining_stopped():
        team = [staff_approver(house.profiles().load(name)) for name in ("clinician", "nurse-b")]
        seed = house.profiles().load("hospital-b").gateway().seed
        asked = emergency(house, study_id, team, seed)
        collect = CollectInStall(
            broker_of=house.broker,
            mirror=house.mirror("hospital-b"),
            store=house.store(),
            clock=house.clock,
            domains=house.domains,
        )
        with pytest.raises(DeniedError) as refused:
            collect.run(asked, seed)
        assert refused.value.reason == "NOT_STALLED"
        newest = int(stack.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        while house.clock.now() - newest <= STALLED_S:
            time.sleep(1)
        asked = emergency(house, study_id, team, seed)
        stack.end_broker("hospital-c")
        read = [
            b"".join(map(bytes, series.opener.instance(entry.number)))
            for series in collect.run(asked, seed)
            for entry in series.opener.entries
        ]
        assert sorted(read) == sorted(path.read_bytes() for path in files)
        stack.end_broker("hospital-b")
        with pytest.raises(TrusteeError, match=r"institution 2: .*institution 3: "):
            collect.run(asked, seed)
    stack.broker("hospital-b")
    with stack.house() as house:
        request_id, until = ids.request_id(asked.access.request), time.monotonic() + 60
        while not told(house, request_id):
            assert time.monotonic() < until
            time.sleep(1)
        late = state_of(house).late_release(request_id)
        assert late is not None
        assert not any(state_of(house).releases(study_id))
    found = stack.fiducia("audit", "verify", expect=1)
    assert [each["code"] for each in found["findings"]] == ["EMERGENCY_LATE"]


def told(house: House, request_id: bytes) -> bool:
    """Whether the custodian told the ledger, and the trustee's journal knows that it did."""
    kinds = {
        member: [entry.kind for entry in house.journal(member).entries() if entry.subject_id == request_id]
        for member in ("hospital-a", "hospital-b")
    }
    assert kinds["hospital-a"][:1] == ["late_handed_over"]
    assert kinds["hospital-b"][:1] == ["late_share_handed_over"]
    return all(each[-1] == "late_recorded" for each in kinds.values())


def emergency(house: House, study_id: bytes, team: list[Approver], seed: bytes) -> StalledEmergency:
    """What a team signs while no chain can be asked."""
    study, now = house.mirror("hospital-b").state().study(study_id), house.clock.now()
    assert study is not None
    grant = Grant(
        basis=Basis.EMERGENCY,
        subject=study.subject,
        scope=study_id,
        anchored_by=0,
        grantee=ids.institution_grantee(2),
        purposes=mask(Purpose.ETREAT),
        actions=mask(Action.RETAIN),
        not_before=now,
        not_after=now + 3600,
        epoch=1,
        relay_by=now + REVIEW_WITHIN_S,
        terms=bytes(32),
        salt=house.entropy.token(32),
    )
    request = KeyRequest(
        study_id=study_id,
        revision=study.revision,
        series=0,
        grant_id=ids.grant_id(grant),
        purpose=Purpose.ETREAT,
        action=Action.RETAIN,
        person=team[0].person,
        recipient=key_hash(KemKey.from_seed(seed).public),
        not_after=now + 3600,
        salt=house.entropy.token(32),
    )
    badge = team[0].badge
    assert badge is not None
    access = StaffAccess(request, grant, badge, team[0].signer.sign(house.domains.digest(request)))
    return StalledEmergency(GrantAct(grant, tuple(each.approve(house.domains, grant) for each in team)), access)


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
