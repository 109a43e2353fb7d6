"""Signing in with a browser: the token in a form and a cookie, never in a URL; no other site can use either."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fiducia.app.viewer.installed import Viewer
from fiducia.journeys.sign_in.sign_in import SHIFT_S
from tests.support.consortium import Consortium
from tests.support.gateway import SEE, sessions_of, sign_in
from tests.support.viewer import serving, stand_in

HERE = {"Sec-Fetch-Site": "same-origin"}
STUDIES = "/dicomweb/studies"


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(2)
    world.run_grant(world.run_register().studies[0].study_id, actions=SEE)
    return world


@pytest.fixture
def viewer(tmp_path: Path) -> Viewer:
    return stand_in(tmp_path)


@pytest.fixture
def client(world: Consortium, viewer: Viewer) -> Iterator[TestClient]:
    with serving(world, viewer) as client:
        yield client


@pytest.fixture
def token(world: Consortium) -> str:
    return sign_in(world)["Authorization"].split()[1]


def cookie_in(answer: Any) -> Morsel[str]:
    ((_, morsel),) = SimpleCookie(answer.headers["set-cookie"]).items()
    return morsel


def test_a_token_makes_a_cookie_that_scripts_cannot_read(world: Consortium, client: TestClient, token: str) -> None:
    answer = client.post("/sign-in", data={"token": f" {token}\n"}, headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/viewer/")
    cookie = cookie_in(answer)
    assert (cookie.key, cookie.value, cookie["path"]) == ("fiducia", token, "/")
    assert cookie["httponly"]
    assert cookie["samesite"] == "strict"
    assert not cookie["secure"]
    assert not cookie["domain"]
    session = sessions_of(world).find(token)
    assert session is not None
    assert 0 < int(cookie["max-age"]) == session.not_after - world.clock.now() <= SHIFT_S
    assert client.get(STUDIES, headers=HERE).status_code == 200


def test_over_https_the_cookie_promises_its_host(world: Consortium, viewer: Viewer, token: str) -> None:
    with serving(world, viewer, "https://gateway.test") as client:
        cookie = cookie_in(client.post("/sign-in", data={"token": token}, headers=HERE))
        assert (cookie.key, bool(cookie["secure"])) == ("__Host-fiducia", True)
        assert client.get(STUDIES, headers=HERE).status_code == 200
        plain = {**HERE, "Cookie": f"fiducia={token}"}  # which plain http, or another host, could have set
        client.cookies.clear()
        assert client.get(STUDIES, headers=plain).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://gateway.test"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 401),
        ({"Sec-Fetch-Site": "cross-site"}, 401),
        ({"Sec-Fetch-Site": "none"}, 401),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://gateway.test"}, 401),
        ({"Origin": "http://elsewhere.test"}, 401),
        ({"Origin": "https://gateway.test"}, 401),
        ({"Origin": "http://gateway.test:81"}, 401),
        ({"Origin": "null"}, 401),
        ({}, 401),
    ],
)
def test_a_cookie_counts_for_this_origin_alone(
    client: TestClient, token: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(STUDIES, headers={**headers, "Cookie": f"fiducia={token}"})
    assert answer.status_code == status
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers


def test_a_header_counts_from_anywhere(client: TestClient, token: str) -> None:
    answer = client.get(STUDIES, headers={"Authorization": f"Bearer {token}", "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.test"}, {}])
def test_no_other_site_signs_in_or_out(client: TestClient, token: str, headers: dict[str, str]) -> None:
    answer = client.post("/sign-in", data={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    answer = client.post("/sign-out", headers={**headers, "Cookie": f"fiducia={token}"})
    assert answer.status_code == 403
    assert client.get(STUDIES, headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("given", ["", "x", "00" * 32, "ab" * 31, "ab" * 32 + "\n;"])
def test_what_signs_nobody_in_is_told(client: TestClient, given: str) -> None:
    answer = client.post("/sign-in", data={"token": given}, headers=HERE)
    assert (answer.status_code, answer.headers["cache-control"]) == (403, "no-store")
    assert "signs nobody in" in answer.text
    assert "set-cookie" not in answer.headers
    assert len(given) < 9 or given not in answer.text


def test_a_token_in_a_url_signs_nobody_in(client: TestClient, token: str) -> None:
    answer = client.post(f"/sign-in?token={token}", headers=HERE)
    assert answer.status_code == 403
    assert client.get(f"/sign-in?token={token}", headers=HERE).text == client.get("/sign-in").text
    assert client.get(f"{STUDIES}?token={token}", headers=HERE).status_code == 401


def test_a_large_body_is_not_read(client: TestClient) -> None:
    assert client.post("/sign-in", data={"token": "a" * 5000}, headers=HERE).status_code == 413
    assert client.post("/sign-in", content=b"\xff\xfe", headers=HERE).status_code == 403
    assert client.post("/sign-in", content=b"&".join([b"a=b"] * 100), headers=HERE).status_code == 403


def test_signing_out_ends_the_session_everywhere(client: TestClient, token: str) -> None:
    client.post("/sign-in", data={"token": token}, headers=HERE)
    page = client.get("/sign-in")
    assert "clinician" in page.text
    assert token not in page.text
    answer = client.post("/sign-out", headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert cookie_in(answer)["max-age"] == "0"
    for headers in ({"Authorization": f"Bearer {token}"}, {**HERE, "Cookie": f"fiducia={token}"}):
        assert client.get(STUDIES, headers=headers).status_code == 401
    assert client.get("/viewer/", headers={"Cookie": f"fiducia={token}"}).headers["location"] == "/sign-in"


def test_only_this_session_ends(world: Consortium, client: TestClient, token: str) -> None:
    other = sign_in(world)
    client.post("/sign-in", data={"token": token}, headers=HERE)
    client.post("/sign-out", headers=HERE)
    assert client.get(STUDIES, headers=other).status_code == 200


def test_a_cookie_ends_with_its_session(world: Consortium, client: TestClient, token: str) -> None:
    client.post("/sign-in", data={"token": token}, headers=HERE)
    world.clock.advance(SHIFT_S)
    assert client.get(STUDIES, headers={**HERE, "Cookie": f"fiducia={token}"}).status_code == 401
    assert client.get("/viewer/", headers={"Cookie": f"fiducia={token}"}).status_code == 303


def test_the_page_runs_nothing_and_is_framed_by_nobody(client: TestClient) -> None:
    answer = client.get("/sign-in")
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script" not in policy
    assert "unsafe" not in policy
    for wall in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert wall in policy
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "same-origin")
