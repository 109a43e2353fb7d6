"""The broker's door: routes, problems, bounds, health and metrics, over in-memory ports."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import orjson
import pytest
from starlette.testclient import TestClient

from fiducia.app.broker import BrokerParts, create_app, routes
from fiducia.app.broker.limits import Limits
from fiducia.core import ids, wire
from fiducia.core.asks import ask_id
from fiducia.core.emergencies import identity_digest
from fiducia.core.problems import from_problem
from fiducia.core.rules import Action, Purpose, Role, mask
from fiducia.core.tlog.note import Note
from fiducia.errors import DeniedError, JournalError, LedgerNotFinalError, LedgerUnreachableError, SignatureError
from fiducia.journeys.grants.grant import GiveGrant, GrantOrder
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.records.images import HandOver, JournalEntry, PatientIdentity, Release
from fiducia.records.ledger import Act, GrantAct, Receipt, RevokeAct
from fiducia.records.provenance import SignedCheckpoint, VouchAsk, Vouched
from fiducia.records.statements import (
    Ask,
    AskList,
    Decline,
    EmergencyKeys,
    LateEmergency,
    LookedUp,
    LookUp,
    SignedAsk,
    SignedAskList,
    SignedCollect,
    SignedDecline,
    SignedDeposit,
    SignedDestroy,
    SignedKeeping,
    SignedLookUp,
    StalledEmergency,
    WaitingAsks,
)
from fiducia.records.typed import Access, Approval, Revoke, StaffAccess
from tests.support.colleagues import colleague, staffed
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, IDENTITY, Consortium, key


def parts_of(consortium: Consortium) -> BrokerParts:
    return BrokerParts(
        institution=HOSPITAL_A,
        first_block=0,
        ledger=consortium.ledger,
        mirror=consortium.mirror,
        store=consortium.store,
        vault=consortium.vault,
        journal=consortium.journal,
        clock=consortium.clock,
        taken=consortium.taken,
        relay_grant=consortium.relay_grant,
        carry_act=consortium.carry_act,
        take_revoke=consortium.take_revoke,
        relay_taken=consortium.relay_taken,
        record_release=consortium.record_release,
        hand_over=consortium.hand_over,
        trustee=consortium.trustee,
        asking=consortium.asking,
        catch_up=consortium.catch_up,
        log=consortium.log,
        proving=consortium.proving,
    )


@pytest.fixture
def consortium() -> Consortium:
    consortium = Consortium()
    consortium.add_series(2)
    consortium.run_register()
    return consortium


@pytest.fixture
def client(consortium: Consortium) -> Iterator[TestClient]:
    with TestClient(create_app(parts_of(consortium)), raise_server_exceptions=False) as client:
        yield client


def study_of(consortium: Consortium) -> bytes:
    return consortium.mirror.catch_up().studies()[0].study_id


class Catching:
    """A `Broker` that keeps what it is asked to relay, and relays nothing."""

    def __init__(self) -> None:
        self.caught: list[GrantAct] = []

    def relay(self, act: Act) -> Receipt:
        assert isinstance(act, GrantAct)
        self.caught.append(act)
        raise LedgerUnreachableError("caught")

    def carry(self, act: Act) -> Receipt:
        raise NotImplementedError

    def revoke(self, act: Act) -> bool:
        raise NotImplementedError

    def release(self, access: Access) -> Release:
        raise NotImplementedError

    def hand_over(self, access: Access) -> HandOver:
        raise NotImplementedError

    def emergency(self, asked: StalledEmergency) -> EmergencyKeys:
        raise NotImplementedError

    def emergency_share(self, shown: LateEmergency) -> HandOver:
        raise NotImplementedError

    def deposit(self, signed: SignedDeposit) -> SignedKeeping:
        raise NotImplementedError

    def collect(self, signed: SignedCollect) -> HandOver:
        raise NotImplementedError

    def destroy(self, signed: SignedDestroy) -> Note:
        raise NotImplementedError

    def keeps_for(self, trustee: int) -> bool:
        raise NotImplementedError

    def look_up(self, asked: SignedLookUp) -> LookedUp:
        raise NotImplementedError

    def ask(self, signed: SignedAsk) -> None:
        raise NotImplementedError

    def asks(self, asked: SignedAskList) -> WaitingAsks:
        raise NotImplementedError

    def decline(self, signed: SignedDecline) -> None:
        raise NotImplementedError

    def checkpoint(self, block_number: int) -> SignedCheckpoint:
        raise NotImplementedError

    def vouch(self, ask: VouchAsk) -> Vouched:
        raise NotImplementedError


def grant_act(consortium: Consortium) -> GrantAct:
    """A signed grant that nobody relayed yet."""
    broker = Catching()
    give = GiveGrant(
        broker=broker,
        mirror=consortium.mirror,
        vault=consortium.patient_vault,
        clock=consortium.clock,
        entropy=consortium.entropy,
        domains=consortium.domains,
    )
    until = consortium.clock.now() + DAY_S
    purposes, actions = mask(Purpose.TREAT), mask(Action.VIEW, Action.RETAIN)
    order = GrantOrder(study_of(consortium), 0, consortium.badge.badge.person, purposes, actions, until)
    with pytest.raises(LedgerUnreachableError):
        give.run(order, consortium.patient)
    return broker.caught[0]


def access_of(consortium: Consortium) -> Access:
    draw_up = DrawUpRequest(
        mirror=consortium.mirror, clock=consortium.clock, entropy=consortium.entropy, domains=consortium.domains
    )
    return draw_up.run(study_of(consortium), 0, Purpose.TREAT, Action.RETAIN, consortium.clinician)


def test_the_whole_path_over_http(consortium: Consortium, client: TestClient) -> None:
    act = grant_act(consortium)
    relayed = client.post("/v1/grants", content=wire.encode(act))
    assert relayed.status_code == 200
    assert wire.decode(Receipt, relayed.content).events
    access = access_of(consortium)
    released = wire.decode(Release, client.post("/v1/releases", content=wire.encode(access)).content)
    assert released.request_id == ids.request_id(access.request)
    handed = wire.decode(HandOver, client.post("/v1/hand-overs", content=wire.encode(access)).content)
    assert handed.trustee == HOSPITAL_A
    approval = Approval(
        consortium.patient.address,
        consortium.patient.sign(consortium.domains.digest(Revoke(ids.grant_id(act.grant)))),
    )
    revoked = client.post("/v1/revocations", content=wire.encode(RevokeAct(act.grant, approval)))
    assert (revoked.status_code, revoked.json()) == (200, {"on_chain": True})
    refused = client.post("/v1/hand-overs", content=wire.encode(access))
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["reason"] == "GRANT_REVOKED"


def test_a_revoke_is_accepted_while_the_chain_is_down(consortium: Consortium, client: TestClient) -> None:
    given = consortium.run_grant(study_of(consortium))
    consortium.mirror.catch_up()
    consortium.ledger.faults.unreachable = True
    signature = consortium.patient.sign(consortium.domains.digest(Revoke(given.grant_id)))
    act = RevokeAct(given.grant, Approval(consortium.patient.address, signature))
    taken = client.post("/v1/revocations", content=wire.encode(act))
    assert (taken.status_code, taken.json()) == (202, {"on_chain": False})
    assert "fiducia_revokes_waiting 1.0" in client.get("/metrics").text


class Waiting:
    """Releases that wait for a block that does not come, until they are let go."""

    def __init__(self, many: int) -> None:
        self.go_on = threading.Event()
        self.all_wait = threading.Event()
        self._left, self._lock = many, threading.Lock()

    def run(self, access: Access) -> Release:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.all_wait.set()
        self.go_on.wait(60)
        raise LedgerNotFinalError("no block came")


def test_neither_revokes_nor_manifests_wait_behind_releases_that_wait_for_a_block(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = consortium.run_grant(study_of(consortium))
    body = wire.encode(access_of(consortium))
    signature = consortium.patient.sign(consortium.domains.digest(Revoke(given.grant_id)))
    revoke = wire.encode(RevokeAct(given.grant, Approval(consortium.patient.address, signature)))
    manifest = consortium.mirror.catch_up().studies()[0].manifest
    threads = 45  # more than any pool of the framework's has; then five that find no thread free
    monkeypatch.setattr(routes, "WAITING_AT_ONCE", threads)
    waiting = Waiting(threads)
    parts = replace(parts_of(consortium), record_release=waiting)  # type: ignore[arg-type]
    with TestClient(create_app(parts)) as client, ThreadPoolExecutor(threads + 6) as callers:
        releases = [callers.submit(client.post, "/v1/releases", content=body) for _ in range(threads + 5)]
        try:
            assert waiting.all_wait.wait(30)
            revoked = callers.submit(client.post, "/v1/revocations", content=revoke).result(30)
            assert (revoked.status_code, revoked.json()) == (200, {"on_chain": True})
            assert callers.submit(client.get, f"/v1/manifests/0x{manifest.hex()}").result(30).status_code == 200
            assert not any(release.done() for release in releases)
        finally:
            waiting.go_on.set()
        assert {release.result(30).status_code for release in releases} == {503}


def test_a_stranger_learns_a_bare_status_and_fills_no_journal(consortium: Consortium, client: TestClient) -> None:
    consortium.run_grant(study_of(consortium))
    access = access_of(consortium)
    assert isinstance(access, StaffAccess)
    stranger = key(99)
    forged = replace(
        access,
        badge=replace(access.badge, signature=stranger.sign(consortium.domains.digest(access.badge.badge))),
    )
    before = len(list(consortium.journal.entries()))
    answer = client.post("/v1/releases", content=wire.encode(forged))
    assert (answer.status_code, answer.json()["reason"]) == (403, "UNVERIFIED")
    assert len(list(consortium.journal.entries())) == before


def test_a_verified_member_learns_the_reason(consortium: Consortium, client: TestClient) -> None:
    answer = client.post("/v1/releases", content=wire.encode(access_of(consortium)))
    assert (answer.status_code, answer.json()["reason"]) == (403, "GRANT_UNKNOWN")
    error = from_problem(answer.content, answer.status_code)
    assert isinstance(error, DeniedError)
    assert error.reason == "GRANT_UNKNOWN"


def test_keys_are_not_handed_over_before_the_release_is_recorded(consortium: Consortium, client: TestClient) -> None:
    consortium.run_grant(study_of(consortium))
    answer = client.post("/v1/hand-overs", content=wire.encode(access_of(consortium)))
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("ledger-not-final")


def test_no_durable_journal_no_release(consortium: Consortium, client: TestClient) -> None:
    consortium.run_grant(study_of(consortium))
    access = access_of(consortium)

    def broken(entries: Sequence[JournalEntry], salts: Sequence[bytes] | None = None) -> None:
        raise JournalError("the journal cannot be written")

    consortium.journal.append = broken  # type: ignore[method-assign]
    answer = client.post("/v1/releases", content=wire.encode(access))
    assert answer.status_code == 503
    assert consortium.mirror.catch_up().releases() == ()


@pytest.mark.parametrize("path", ["/v1/grants", "/v1/acts", "/v1/revocations", "/v1/releases", "/v1/hand-overs"])
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"type":"grant_act"}', b"1" * 20, b"[" * 2000])
def test_a_malformed_body_is_a_client_error(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("encoding")


def test_a_body_that_is_too_long_is_refused_unread(client: TestClient) -> None:
    answer = client.post("/v1/releases", content=b" " * (64 * 1024 + 1))
    assert answer.status_code == 413


def test_an_act_that_is_no_grant_is_not_relayed(consortium: Consortium, client: TestClient) -> None:
    given = consortium.run_grant(study_of(consortium))
    signature = consortium.patient.sign(consortium.domains.digest(Revoke(given.grant_id)))
    act = RevokeAct(given.grant, Approval(consortium.patient.address, signature))
    assert client.post("/v1/grants", content=wire.encode(act)).status_code == 400


def test_grants_are_limited_per_patient_and_requests_per_address(consortium: Consortium) -> None:
    app = create_app(parts_of(consortium), limits=Limits(grants_per_minute=2, requests_per_minute=5))
    with TestClient(app) as client:
        body = wire.encode(grant_act(consortium))
        statuses = [client.post("/v1/grants", content=body).status_code for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        assert client.get("/healthz").status_code == 200
        assert client.get("/healthz").status_code == 429


def test_a_grant_that_somebody_else_signed_is_refused(consortium: Consortium, client: TestClient) -> None:
    act = grant_act(consortium)
    signature = key(99).sign(consortium.domains.digest(act.grant))
    forged = GrantAct(act.grant, (Approval(act.approvals[0].signer, signature),))
    answer = client.post("/v1/grants", content=wire.encode(forged))
    assert isinstance(from_problem(answer.content, answer.status_code), SignatureError)


def test_manifests_and_events_are_public(consortium: Consortium, client: TestClient) -> None:
    study = consortium.mirror.catch_up().studies()[0]
    manifest = client.get(f"/v1/manifests/0x{study.manifest.hex()}")
    assert hashlib.sha256(manifest.content).digest() == study.manifest
    assert client.get(f"/v1/manifests/0x{'00' * 32}").status_code == 404
    assert client.get("/v1/manifests/nonsense").status_code == 400
    events = client.get("/v1/events")
    lines = [wire.decode_event(line) for line in events.content.splitlines()]
    assert lines == list(consortium.ledger.events(0, 10**6))
    following = events.headers["fiducia-next-block"]
    assert client.get(f"/v1/events?from_block={following}").content == b""
    assert client.get("/v1/events?from_block=-1").status_code in (200, 400, 422)


def test_ready_names_the_part_that_is_not(consortium: Consortium, client: TestClient) -> None:
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["parts"] == dict.fromkeys(("chain", "store", "vault", "journal", "standing", "log"), "ok")
    assert ready.json()["why"] == {}
    consortium.ledger.faults.unreachable = True
    not_ready = client.get("/readyz")
    assert not_ready.status_code == 503
    assert not_ready.json()["parts"]["chain"] == "ledger-unreachable"
    assert set(not_ready.json()["why"]) == {"chain"}
    assert client.get("/healthz").status_code == 200


def test_openapi_describes_every_body(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    for path in ("/v1/grants", "/v1/acts", "/v1/revocations", "/v1/releases", "/v1/hand-overs"):
        body = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert orjson.dumps(body).count(b"additionalProperties") > 0
    destroyed = schema["paths"]["/v1/destructions"]["post"]["responses"]["200"]["content"]
    assert list(destroyed) == ["text/plain; charset=utf-8"]
    assert schema["info"]["title"] == "fiducia broker"


def test_answers_are_not_cached_and_unknown_paths_are_problems(client: TestClient) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/v1/events?from_block=private-7", "/v1/events?from_block=-1", "/v1/manifests/secret"]
)
def test_a_parameter_that_is_not_in_its_form_is_a_problem_that_does_not_repeat_it(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["type"] == "urn:fiducia:problem:encoding"
    assert "from_block" in answer.text or "digest" in answer.text
    assert "private-7" not in answer.text
    assert "secret" not in answer.text


def test_a_wrong_method_names_those_that_are_right(client: TestClient) -> None:
    answer = client.delete("/v1/grants")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == "application/problem+json"


# -- emergency teams and access requests


@pytest.fixture
def staffed_client(consortium: Consortium) -> Iterator[TestClient]:
    limits = Limits(look_ups_per_hour=3, team_look_ups_per_hour=100)
    app = create_app(parts_of(staffed(consortium)), limits=limits)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def look_up_body(consortium: Consortium, patient_id: str, first: int = 41) -> bytes:
    identity, salt = PatientIdentity("", patient_id), consortium.entropy.token(32)
    look_up = LookUp(HOSPITAL_A, identity_digest(salt, identity), consortium.clock.now() + 60, salt)
    persons = [ids.person(HOSPITAL_B, bytes([number]) * 28) for number in (first, first + 1)]
    team = [
        colleague(consortium, HOSPITAL_B, first + place, Role.NURSE, person=person)
        for place, person in enumerate(persons)
    ]
    approvals = tuple(each.approve(consortium.domains, look_up) for each in team)
    return wire.encode(SignedLookUp(look_up, identity, approvals))


def test_a_look_up_is_answered_and_an_unknown_patient_is_named_by_reason_alone(
    consortium: Consortium, staffed_client: TestClient
) -> None:
    known = staffed_client.post("/v1/look-ups", content=look_up_body(consortium, IDENTITY.patient_id))
    assert known.status_code == 200
    found = wire.decode(LookedUp, known.content)
    assert [each.study_id for each in found.studies] == [study_of(consortium)]
    unknown = staffed_client.post("/v1/look-ups", content=look_up_body(consortium, "NOBODY-1"))
    assert (unknown.status_code, unknown.json()["reason"]) == (403, "UNKNOWN_PATIENT")
    assert "NOBODY-1" not in unknown.text
    assert IDENTITY.patient_id not in known.text


def test_look_ups_are_counted_per_person_known_or_not_and_strangers_are_not(
    consortium: Consortium, staffed_client: TestClient
) -> None:
    forged = wire.decode(SignedLookUp, look_up_body(consortium, "GUESS-0"))
    forged = replace(forged, look_up=replace(forged.look_up, salt=bytes(32)))
    for _ in range(5):  # nobody can use up another one's look-ups
        assert staffed_client.post("/v1/look-ups", content=wire.encode(forged)).status_code == 400
    for number in range(3):
        answer = staffed_client.post("/v1/look-ups", content=look_up_body(consortium, f"GUESS-{number}"))
        assert answer.json()["reason"] == "UNKNOWN_PATIENT"
    for patient_id in ("GUESS-4", IDENTITY.patient_id):
        assert staffed_client.post("/v1/look-ups", content=look_up_body(consortium, patient_id)).status_code == 429
    other = look_up_body(consortium, IDENTITY.patient_id, first=51)
    assert staffed_client.post("/v1/look-ups", content=other).status_code == 200


def test_an_institution_has_so_many_look_ups(consortium: Consortium) -> None:
    app = create_app(parts_of(staffed(consortium)), limits=Limits(team_look_ups_per_hour=2))
    with TestClient(app, raise_server_exceptions=False) as client:
        statuses = [
            client.post("/v1/look-ups", content=look_up_body(consortium, "X", first=first)).status_code
            for first in (41, 51, 61)
        ]
    assert statuses == [403, 403, 429]


def test_an_ask_is_kept_listed_and_declined_over_http(consortium: Consortium, staffed_client: TestClient) -> None:
    asking = colleague(consortium, HOSPITAL_B, 41, Role.PHYSICIAN)
    now = consortium.clock.now()
    subject = consortium.mirror.catch_up().subjects()[0].subject
    person = asking.person
    ask = Ask(subject, study_of(consortium), 0, person, mask(Purpose.TREAT), 2, now + DAY_S, now + 3600, b"s" * 32)
    signed = SignedAsk(ask, asking.approve(consortium.domains, ask))
    kept = staffed_client.post("/v1/asks", content=wire.encode(signed))
    assert kept.json() == {"ask_id": "0x" + ask_id(ask).hex()}

    def by_patient(struct: AskList | Decline) -> Approval:
        return Approval(consortium.patient.address, consortium.patient.sign(consortium.domains.digest(struct)))

    ask_list, decline = AskList(subject, now + 60), Decline(ask_id(ask))
    wanted = wire.encode(SignedAskList(ask_list, by_patient(ask_list)))
    assert wire.decode(WaitingAsks, staffed_client.post("/v1/asks/list", content=wanted).content).asks == (signed,)
    said = staffed_client.post("/v1/asks/declines", content=wire.encode(SignedDecline(decline, by_patient(decline))))
    assert (said.status_code, said.json()) == (200, {"declined": True})
    assert wire.decode(WaitingAsks, staffed_client.post("/v1/asks/list", content=wanted).content).asks == ()


def test_an_emergency_is_not_handed_over_to_while_the_chain_answers(
    consortium: Consortium, staffed_client: TestClient
) -> None:
    access = access_of(consortium)
    assert isinstance(access, StaffAccess)
    asked = StalledEmergency(GrantAct(access.grant, ()), access)
    refused = staffed_client.post("/v1/emergencies", content=wire.encode(asked))
    assert (refused.status_code, refused.json()["reason"]) == (403, "NOT_STALLED")
    assert "fiducia_late_waiting 0.0" in staffed_client.get("/metrics").text
