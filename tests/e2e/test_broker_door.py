"""The door of a live broker: what is wrong with a request is a 4xx problem, and nothing makes it fail itself.

Requests that are expired, forged, unknown or malformed by hand; then many by schemathesis from the broker's own
OpenAPI document, and many by changing single values of requests that are right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from fiducia.app.profiles import KeyName
from fiducia.app.wiring import House
from fiducia.core import ids, wire
from fiducia.core.rules import Action, Purpose
from fiducia.core.signatures import EoaKey
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.records.ledger import GrantAct, RestrictAct, RevokeAct, RevokeAllAct, RotateAct
from fiducia.records.typed import Approval, Grant, Restrict, Revoke, RevokeAll, Rotate, StaffAccess
from tests.support.cli import Cli
from tests.support.images import small_series
from tests.support.stack import Development
from tests.support.truths import state_of

EXAMPLES = 8
# Not whether data that the schema allows are accepted: they are refused for what they say, by nobody's signature.
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
DENIALS = ("denied", "hand_over_denied")
STRANGER = EoaKey(b"\x5a" * 32)


@pytest.fixture(scope="module")
def development(embedded: Cli) -> Development:
    """The consortium that is up for all tests."""
    return Development(embedded.home.parent)


@dataclass(frozen=True, slots=True)
class Bodies:
    """Requests that are right, and the keys to sign changed ones."""

    access: StaffAccess
    grant: GrantAct
    revoke: RevokeAct
    revoke_all: RevokeAllAct
    restrict: RestrictAct
    rotate: RotateAct
    session: EoaKey
    sign: Callable[[EoaKey, Any], bytes]

    def changed(self, **fields: Any) -> StaffAccess:
        """The request with other fields, signed anew by the badge's session key."""
        request = replace(self.access.request, **fields)
        return replace(self.access, request=request, signature=self.sign(self.session, request))


@pytest.fixture(scope="module")
def bodies(development: Development) -> Bodies:
    """A study that may be opened, and what a clinician and a patient would send; nothing of it is sent."""
    small_series(development.root / "door", "door")
    (study,) = development.register(development.root / "door")["studies"]
    development.grant(study["study_id"])
    with development.house() as house:
        return drawn_up(house, bytes.fromhex(study["study_id"][2:]))


def drawn_up(house: House, study_id: bytes) -> Bodies:
    domains = house.domains
    clinician, patient = (house.profiles().load(name) for name in ("clinician", "patient"))
    session, signer = clinician.signer(KeyName.SESSION), patient.signer(KeyName.SIGNER)

    def sign(key: EoaKey, struct: Any) -> bytes:
        return key.sign(domains.digest(struct))

    ask = DrawUpRequest(mirror=house.mirror("hospital-b"), clock=house.clock, entropy=house.entropy, domains=domains)
    requester = Requester(session, clinician.key(KeyName.GATEWAY), clinician.badge)
    access = ask.run(study_id, 0, Purpose.TREAT, Action.RETAIN, requester)
    assert isinstance(access, StaffAccess)
    other: Grant = replace(access.grant, salt=b"\x07" * 32)
    restriction = Restrict(access.grant.subject, 1)
    rotation = Rotate(access.grant.subject, ids.signer_hash(STRANGER.address), 1)
    ends, all_ends = Revoke(ids.grant_id(other)), RevokeAll(access.grant.subject, access.grant.epoch)
    return Bodies(
        access=access,
        grant=GrantAct(other, (Approval(signer.address, sign(signer, other)),)),
        revoke=RevokeAct(other, Approval(STRANGER.address, sign(STRANGER, ends))),
        revoke_all=RevokeAllAct(all_ends, Approval(STRANGER.address, sign(STRANGER, all_ends))),
        restrict=RestrictAct(restriction, Approval(STRANGER.address, sign(STRANGER, restriction))),
        rotate=RotateAct(
            rotation,
            STRANGER.address,
            sign(STRANGER, rotation),
            Approval(STRANGER.address, sign(STRANGER, rotation)),
        ),
        session=session,
        sign=sign,
    )


@pytest.fixture(scope="module")
def door(development: Development) -> Iterator[httpx2.Client]:
    """hospital-a's broker."""
    with httpx2.Client(base_url=development.broker_url(), timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(autouse=True)
def _unharmed(development: Development, door: httpx2.Client, bodies: Bodies) -> Iterator[None]:
    """Whatever came in: nothing was released, granted or revoked by it, and the broker is as well as before."""

    def traces() -> tuple[object, ...]:
        with development.house() as house:
            state = state_of(house)
            acts = [entry.kind for entry in house.journal("hospital-a").entries() if entry.kind not in DENIALS]
            subject = bodies.access.grant.subject
            return len(state.releases()), len(state.grants_of_subject(subject)), acts

    before = traces()
    yield
    assert traces() == before
    assert door.get("/readyz").status_code == 200
    log = (development.home.logs / "broker-hospital-a.log").read_text()
    assert "defect" not in log
    assert "Traceback" not in log


def check_problem(answer: httpx2.Response, status: int, kind: str, reason: str | None = None) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    said = answer.json()
    assert (said["type"], said["status"]) == (f"urn:fiducia:problem:{kind}", status)
    assert said.get("reason") == reason
    assert len(said["detail"]) > 5


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an expired request": ({"not_after": 1_700_000_000}, "REQUEST_WINDOW"),
    "an unknown study": ({"study_id": b"\x01" * 32}, "STUDY_UNKNOWN"),
    "a revision that there is not": ({"revision": 9}, "REVISION_UNKNOWN"),
    "another grant's number": ({"grant_id": b"\x02" * 32}, "GRANT_MISMATCH"),
    "a purpose that was not granted": ({"purpose": Purpose.HRESCH}, "PURPOSE_NOT_GRANTED"),
    "an action that was not granted": ({"action": Action.COMPUTE}, "ACTION_NOT_GRANTED"),
    "somebody else's name": ({"person": b"\x00\x00\x00\x02" + b"\x03" * 28}, "PERSON_MISMATCH"),
    "a gateway that nobody published": ({"recipient": b"\x04" * 32}, "RECIPIENT_UNPUBLISHED"),
}


@pytest.mark.parametrize("path", ["/v1/releases", "/v1/hand-overs"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_is_refused_says_why_to_a_verified_member(
    door: httpx2.Client, bodies: Bodies, path: str, case: str
) -> None:
    fields, reason = REFUSED[case]
    check_problem(door.post(path, content=wire.encode(bodies.changed(**fields))), 403, "denied", reason)


def test_a_stranger_learns_nothing(door: httpx2.Client, bodies: Bodies) -> None:
    forged = replace(bodies.access, signature=bodies.sign(STRANGER, bodies.access.request))
    check_problem(door.post("/v1/releases", content=wire.encode(forged)), 403, "denied", "UNVERIFIED")
    check_problem(door.post("/v1/hand-overs", content=wire.encode(forged)), 403, "denied", "UNVERIFIED")


def test_keys_of_a_request_that_was_not_recorded_are_not_handed_over(door: httpx2.Client, bodies: Bodies) -> None:
    check_problem(door.post("/v1/hand-overs", content=wire.encode(bodies.access)), 503, "ledger-not-final")


def test_another_hospitals_broker_releases_and_relays_nothing(development: Development, bodies: Bodies) -> None:
    other = development.broker_url("hospital-b")
    access, grant = wire.encode(bodies.access), wire.encode(bodies.grant)
    check_problem(httpx2.post(f"{other}/v1/releases", content=access), 403, "denied", "NOT_OWN_STUDY")
    check_problem(httpx2.post(f"{other}/v1/grants", content=grant), 403, "denied", "NOT_OWN_SUBJECT")


def test_a_revoke_without_standing_is_not_taken(door: httpx2.Client, bodies: Bodies) -> None:
    for act in (bodies.revoke, bodies.revoke_all, bodies.restrict):
        check_problem(door.post("/v1/revocations", content=wire.encode(act)), 403, "signature")


def test_a_grant_that_the_patient_did_not_sign_is_not_carried(door: httpx2.Client, bodies: Bodies) -> None:
    grant = bodies.grant.grant
    forged = GrantAct(grant, (Approval(STRANGER.address, bodies.sign(STRANGER, grant)),))
    check_problem(door.post("/v1/grants", content=wire.encode(forged)), 403, "signature")


def test_an_act_that_nobody_may_do_is_not_carried(
    development: Development, door: httpx2.Client, bodies: Bodies
) -> None:
    rotate = wire.encode(bodies.rotate)
    check_problem(door.post("/v1/acts", content=rotate), 403, "signature")
    elsewhere = httpx2.post(f"{development.broker_url('hospital-b')}/v1/acts", content=rotate)
    check_problem(elsewhere, 403, "denied", "NOT_OWN_SUBJECT")


@pytest.mark.parametrize("path", ["/v1/grants", "/v1/acts", "/v1/revocations", "/v1/releases", "/v1/hand-overs"])
def test_a_body_that_is_not_what_the_door_takes_is_a_client_error(
    door: httpx2.Client, bodies: Bodies, path: str
) -> None:
    right = wire.encode(bodies.access).decode()
    wrong: dict[str, str | bytes] = {
        "nothing": "",
        "no JSON": "hello",
        "a list": "[]",
        "nested": "[" * 5000,
        "no UTF-8": b"\xff\xfe",
        "an unknown field": right[:-1] + ',"more":1}',
        "a field twice": right[:-1] + ',"type":"staff_access"}',
        "upper case": right.upper(),
        "another kind": '{"type":"anchor_act"}',
        "not a number": '{"type":NaN}',
    }
    for case, body in wrong.items():
        answer = door.post(path, content=body)
        assert answer.status_code == 400, case
        check_problem(answer, 400, "encoding")


def test_a_body_beyond_the_limit_is_refused(door: httpx2.Client) -> None:
    check_problem(door.post("/v1/releases", content=b" " * (64 * 1024 + 1)), 413, "too-large")


def test_an_unknown_manifest_is_not_there(door: httpx2.Client) -> None:
    check_problem(door.get(f"/v1/manifests/0x{'ab' * 32}"), 404, "store-missing")
    check_problem(door.get("/v1/manifests/0xAB"), 400, "encoding")


def test_what_schemathesis_makes_of_the_openapi_document_is_answered_as_documented(door: httpx2.Client) -> None:
    """Statuses, media types, bodies and headers are the documented ones; a 5xx of any kind is none of them."""
    load_all_checks()
    checks = CHECKS.get_by_names(CHECKED)
    schema = schemathesis.openapi.from_url(str(door.base_url.join("/openapi.json")))
    asked: dict[str, int] = {}
    operations = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    for operation in operations:
        # Bodies that break the schema are made by the test below, many times faster.
        parameters = operation.path_parameters or operation.query
        for mode in GenerationMode if parameters else [GenerationMode.POSITIVE]:

            @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def answered(case: Any) -> None:
                case.call_and_validate(checks=checks)
                asked[case.path] = asked.get(case.path, 0) + 1

            answered()
    assert set(asked) == {operation.path for operation in operations}
    assert sum(asked.values()) > 5 * EXAMPLES


def test_a_request_with_any_one_value_changed_is_refused(door: httpx2.Client, bodies: Bodies) -> None:
    """Every leaf of every kind of body, changed: the signatures cover all of it, and nothing breaks the broker."""
    others: st.SearchStrategy[Any] = st.sampled_from(
        [None, 0, -1, 1, 2**31, 2**53, 2**64, True, "", "0", "0x", "0x00", "18446744073709551615", "x" * 300, [], {}]
    )
    acts = (
        ("/v1/grants", bodies.grant),
        ("/v1/acts", bodies.rotate),
        ("/v1/revocations", bodies.revoke),
        ("/v1/revocations", bodies.restrict),
        ("/v1/releases", bodies.access),
    )
    for path, record in acts:
        body = json.loads(wire.encode(record))
        places = st.sampled_from(sorted(leaves(body), key=str))

        @settings(max_examples=10 * EXAMPLES, database=None)
        @given(place=places, value=others, flip=st.booleans())
        def refused(place: tuple[Any, ...], value: Any, flip: bool) -> None:
            changed = json.loads(json.dumps(body))  # noqa: B023 - called within this turn of the loop
            inside = changed
            for step in place[:-1]:
                inside = inside[step]
            old = inside[place[-1]]
            inside[place[-1]] = flipped(old) if flip and isinstance(old, str) else value
            if changed != body:  # noqa: B023
                answer = door.post(path, content=json.dumps(changed))  # noqa: B023
                assert answer.status_code in (400, 403), answer.text

        refused()


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where each value that holds no others stands."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if children is None:
        yield place
        return
    for step, child in children:
        yield from leaves(child, (*place, step))


def flipped(text: str) -> str:
    """Return a text with its last letter changed to another digit."""
    return text[:-1] + ("0" if text[-1:] != "0" else "1")
