"""Signing in with a passkey in a browser: the script's page, what is asked and answered, and who is not heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fiducia.app.gateway.application import create_app
from fiducia.app.gateway.attempts import PER_MINUTE
from fiducia.journeys.sign_in.sign_in import SHIFT_S
from tests.support.consortium import Consortium
from tests.support.gateway import SEE, parts_of, sessions_of
from tests.support.hospital import Staff
from tests.support.staff_passkeys import StaffPasskey, client_data
from tests.support.viewer import stand_in

HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_grant(world.run_register().studies[0].study_id, actions=SEE)
    return world


@pytest.fixture
def staff(world: Consortium) -> Staff:
    return Staff(world)


@pytest.fixture
def client(world: Consortium, staff: Staff, tmp_path: Path) -> Iterator[TestClient]:
    parts = replace(parts_of(world), viewer=stand_in(tmp_path), passkeys=staff.passkeys)
    with TestClient(create_app(parts), base_url="http://gateway.test", follow_redirects=False) as client:
        yield client


def post(client: TestClient, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    wire = {name: f"0x{value.hex()}" if isinstance(value, bytes) else value for name, value in body.items()}
    return client.post(path, json=wire, headers=HERE if headers is None else headers)


def register(client: TestClient, staff: Staff) -> StaffPasskey:
    asked = post(client, "/sign-in/passkey/new/ask", code=staff.directory.new_code("clinician")).json()
    assert (asked["host"], asked["name"]) == ("gateway.test", "clinician")
    passkey = StaffPasskey(user_handle=bytes.fromhex(asked["user"][2:]))
    said = client_data("webauthn.create", bytes.fromhex(asked["challenge"][2:]))
    made = {"handle": asked["handle"], "authenticator_data": passkey.made(), "client_data": said}
    answer = post(client, "/sign-in/passkey/new", **made)
    assert (answer.status_code, answer.json()) == (200, {"next": "/sign-in"})
    return passkey


def sign_in(client: TestClient, passkey: StaffPasskey, purpose: str = "TREAT", **headers: str) -> Any:
    asked = post(client, "/sign-in/passkey/ask", purpose=purpose).json()
    answer = passkey.answer(bytes.fromhex(asked["challenge"][2:]))
    return post(
        client,
        "/sign-in/passkey",
        headers or None,
        handle=asked["handle"],
        credential_id=answer.credential_id,
        authenticator_data=answer.authenticator_data,
        client_data=answer.client_data,
        signature=answer.signature,
        user_handle=answer.user_handle,
    )


def test_a_clinician_signs_in_and_sees_what_was_granted(world: Consortium, client: TestClient, staff: Staff) -> None:
    answer = sign_in(client, register(client, staff))
    assert (answer.status_code, answer.json()) == (200, {"next": "/viewer/"})
    token = client.cookies["fiducia"]
    assert token not in answer.text
    assert f"Max-Age={SHIFT_S}" in answer.headers["set-cookie"]
    assert sessions_of(world).find(token) is not None
    assert len(client.get("/dicomweb/studies", headers=HERE).json()) == 1
    client.post("/sign-out", headers=HERE)
    assert client.get("/dicomweb/studies", headers=HERE).status_code == 401


def test_only_pages_that_need_it_run_our_script(client: TestClient) -> None:
    for path in ("/sign-in", "/sign-in/passkey/new"):
        page = client.get(path)
        assert page.text.count("<script") == 1
        assert '<script src="/sign-in/passkey.js" defer></script>' in page.text
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'; connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
    script = client.get("/sign-in/passkey.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "innerHTML" not in script.text


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.test"}, {"A": "b"}])
def test_no_other_site_asks(client: TestClient, staff: Staff, headers: dict[str, str]) -> None:
    passkey = register(client, staff)
    assert sign_in(client, passkey, **headers).status_code == 403
    for path in ("/sign-in/passkey/ask", "/sign-in/passkey/new/ask", "/sign-in/passkey/new"):
        assert post(client, path, headers, purpose="TREAT").status_code == 403
    assert "fiducia" not in client.cookies


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"purpose": 7}', b'{"purpose": "TREAT", "more": 1}', b"x" * 40_000, b"\xff"]
)
def test_what_is_not_in_form_is_refused(client: TestClient, body: bytes) -> None:
    for path in ("/sign-in/passkey/ask", "/sign-in/passkey", "/sign-in/passkey/new/ask", "/sign-in/passkey/new"):
        answer = client.post(path, content=body, headers=HERE)
        assert answer.status_code in (400, 413)
        assert set(answer.json()) == {"told"}


def test_what_fails_is_told_in_words(client: TestClient, staff: Staff) -> None:
    passkey = register(client, staff)
    answer = sign_in(client, passkey, "HRESCH")
    assert (answer.status_code, answer.json()["told"]) == (403, "none of your roles may ask for this purpose")
    passkey.counter = 0
    assert "copy" in sign_in(client, passkey).json()["told"]
    answer = post(client, "/sign-in/passkey/new/ask", code="WRONG")
    assert answer.status_code == 403
    assert "WRONG" not in answer.text
    assert "fiducia" not in client.cookies


def test_attempts_are_counted(client: TestClient) -> None:
    for _ in range(PER_MINUTE):
        post(client, "/sign-in/passkey/new/ask", code="WRONG")
    answer = post(client, "/sign-in/passkey/ask", purpose="TREAT")
    assert (answer.status_code, answer.json()["told"]) == (429, "Too many attempts. Wait a minute.")
