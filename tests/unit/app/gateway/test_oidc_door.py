"""Signing in with a hospital account in a browser: what is in URLs and cookies, and what is said when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from fiducia.app.gateway.application import create_app
from fiducia.app.gateway.attempts import PER_MINUTE
from fiducia.app.gateway.ways import TOLD
from fiducia.errors import ProviderError
from fiducia.journeys.sign_in.oidc_sign_in import AT_PROVIDER_S
from fiducia.journeys.sign_in.sign_in import SHIFT_S
from tests.support.consortium import Consortium
from tests.support.gateway import SEE, parts_of, sessions_of
from tests.support.hospital import CALLBACK, ISSUER, Staff, key
from tests.support.viewer import stand_in

HERE = {"Sec-Fetch-Site": "same-origin"}
BACK = {"Sec-Fetch-Site": "cross-site"}


@dataclass
class Door:
    """A gateway with a provider, and one browser."""

    world: Consortium
    staff: Staff
    client: TestClient

    def begin(self, purpose: str = "TREAT") -> str:
        """Begin; return where the provider is asked."""
        answer = self.client.post("/sign-in/oidc", data={"purpose": purpose}, headers=HERE)
        assert answer.status_code == 200
        delay, _, url = answer.headers["refresh"].partition(";url=")
        assert delay == "0"
        return url

    def back(self, url: str, given: str = "a-code", /, **changes: Any) -> Any:
        """Come back from the provider with a proper answer, but for changes to the URL's parameters."""
        answer = self.staff.answer(url, given)
        parameters = {"state": answer.state, "code": given, "iss": ISSUER, **changes}
        said = urlencode({name: value for name, value in parameters.items() if value is not None}, doseq=True)
        return self.client.get(f"/sign-in/callback?{said}", headers=BACK)


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_grant(world.run_register().studies[0].study_id, actions=SEE)
    return world


def opened(world: Consortium, directory: Path, base_url: str) -> TestClient:
    staff = Staff(world)
    parts = replace(parts_of(world), viewer=stand_in(directory), oidc=staff.oidc)
    client = TestClient(create_app(parts), base_url=base_url, follow_redirects=False)
    client.staff = staff  # type: ignore[attr-defined]
    return client


@pytest.fixture
def door(world: Consortium, tmp_path: Path) -> Iterator[Door]:
    with opened(world, tmp_path, "http://gateway.test") as client:
        yield Door(world, client.staff, client)  # type: ignore[attr-defined]


def cookies_in(answer: Any) -> dict[str, Morsel[str]]:
    found: dict[str, Morsel[str]] = {}
    for line in answer.headers.get_list("set-cookie"):
        found |= SimpleCookie(line)
    return found


def why(answer: Any) -> str:
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.headers["location"]).removeprefix("/sign-in/again/")


def test_the_page_offers_it_with_a_purpose(door: Door) -> None:
    page = door.client.get("/sign-in")
    assert 'action="/sign-in/oidc"' in page.text
    assert '<option value="TREAT">' in page.text
    assert "<script" not in page.text
    assert "script" not in page.headers["content-security-policy"]


def test_a_clinician_signs_in_and_sees_what_was_granted(door: Door) -> None:
    answer = door.back(door.begin())
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/done")
    session = cookies_in(answer)["fiducia"]
    assert (session["samesite"], session["httponly"], session["path"]) == ("strict", True, "/")
    assert int(session["max-age"]) == SHIFT_S
    found = sessions_of(door.world).find(session.value)
    assert found is not None
    assert found.profile == "clinician"
    assert cookies_in(answer)["fiducia-sign-in"]["max-age"] == "0"
    page = door.client.get("/sign-in/done", headers=BACK)
    assert page.headers["refresh"] == "0;url=/viewer/"
    assert door.client.get("/viewer/").status_code == 200
    assert len(door.client.get("/dicomweb/studies", headers=HERE).json()) == 1
    assert door.client.post("/sign-out", headers=HERE).headers["location"] == "/sign-in"
    assert door.client.get("/dicomweb/studies", headers=HERE).status_code == 401


def test_what_the_provider_is_asked(door: Door) -> None:
    answer = door.client.post("/sign-in/oidc", data={"purpose": "TREAT"}, headers=HERE)
    cookie = cookies_in(answer)["fiducia-sign-in"]
    assert (cookie["samesite"], cookie["httponly"], cookie["path"]) == ("lax", True, "/")
    assert int(cookie["max-age"]) == AT_PROVIDER_S
    url = answer.headers["refresh"].partition(";url=")[2]
    assert url.startswith(f"{ISSUER}/authorize?")
    asked = parse_qs(urlsplit(url).query)
    assert asked["redirect_uri"] == [CALLBACK]
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert len({*asked["state"], *asked["nonce"], *asked["code_challenge"], cookie.value}) == 4
    assert answer.headers["referrer-policy"] == "same-origin"


def test_over_https_everything_promises_its_host(world: Consortium, tmp_path: Path) -> None:
    with opened(world, tmp_path, "https://gateway.test") as client:
        door = Door(world, client.staff, client)  # type: ignore[attr-defined]
        url = door.begin()
        assert parse_qs(urlsplit(url).query)["redirect_uri"] == ["https://gateway.test/sign-in/callback"]
        cookies = cookies_in(door.back(url))
        assert set(cookies) == {"__Host-fiducia", "__Host-fiducia-sign-in"}
        assert all(cookie["secure"] for cookie in cookies.values())


def test_no_token_and_no_code_is_in_a_url_or_a_log(door: Door) -> None:
    with capture_logs() as logs:
        answer = door.back(door.begin(), "the-code")
        door.back(door.begin(), "the-code", state="wrong")
        url = door.begin()
        door.staff.answer(url, by=key(kid="two"))
        asked = parse_qs(urlsplit(url).query)
        door.client.get("/sign-in/callback?" + urlencode({"state": asked["state"][0], "code": "a-code", "iss": ISSUER}))
        door.client.get("/dicomweb/studies", headers=HERE)
    token = cookies_in(answer)["fiducia"].value
    assert token not in answer.headers["location"]
    assert {"the-code", "a-code", token, *asked["state"]} & set(str(logs).replace("'", " ").split()) == set()
    assert any(entry["event"] == "sign-in" for entry in logs)  # why a provider is not believed, in our words


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"state": "another"}, "again"),
        ({"state": None}, "again"),
        ({"state": ["one", "two"]}, "again"),
        ({"code": ["one", "two"]}, "again"),
        ({"code": "x" * 5000}, "again"),
        ({"iss": "https://login.elsewhere.test"}, "again"),
        ({"iss": None}, "again"),
        ({"code": None}, "refused"),
        ({"code": "unknown"}, "refused"),
        ({"code": None, "error": "access_denied", "error_description": "<script>theirs</script>"}, "refused"),
        ({"error": "access_denied"}, "refused"),
    ],
)
def test_a_wrong_answer_signs_nobody_in(door: Door, changes: dict[str, Any], told: str) -> None:
    answer = door.back(door.begin(), **changes)
    assert why(answer) == told
    assert list(cookies_in(answer)) == ["fiducia-sign-in"]  # forgotten: it was used up
    page = door.client.get(answer.headers["location"])
    assert page.status_code == 200
    assert "theirs" not in page.text
    assert door.world.gateway_vault.names("gateway/session/") == ()


def test_a_replayed_answer_signs_nobody_in(door: Door) -> None:
    url = door.begin()
    cookie = door.client.cookies["fiducia-sign-in"]
    assert door.back(url).headers["location"] == "/sign-in/done"
    door.client.cookies.clear()
    door.client.cookies["fiducia-sign-in"] = cookie
    assert why(door.back(url)) == "again"


def test_an_answer_without_the_browsers_cookie_signs_nobody_in(door: Door) -> None:
    url = door.begin()
    door.client.cookies.clear()  # somebody else's browser, led to the callback
    assert why(door.back(url)) == "again"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.test"}, {}])
def test_no_other_site_begins_it(door: Door, headers: dict[str, str]) -> None:
    answer = door.client.post("/sign-in/oidc", data={"purpose": "TREAT"}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "more",
    [
        {"next": "https://elsewhere.test"},
        {"redirect_uri": "https://elsewhere.test"},
        {"return_to": "//elsewhere.test"},
    ],
)
def test_it_leads_nowhere_else(door: Door, more: dict[str, str]) -> None:
    answer = door.back(door.begin(), **more)
    assert answer.headers["location"] == "/sign-in/done"
    answer = door.back(door.begin(), state="wrong", **more)
    assert answer.headers["location"] == "/sign-in/again/again"
    for path in (
        "/sign-in/again/https:%2F%2Felsewhere.test",
        "/sign-in/again/%3Cscript%3E",
        "/sign-in/done?url=//e.test",
    ):
        page = door.client.get(path)
        assert "elsewhere" not in page.text
        assert "<script>" not in page.text
        assert page.headers.get("refresh", "0;url=/viewer/") == "0;url=/viewer/"


@pytest.mark.parametrize("purpose", ["", "treat", "ALL", "TREAT&purpose=HRESCH", "x" * 300])
def test_a_purpose_is_one_of_the_list(door: Door, purpose: str) -> None:
    answer = door.client.post("/sign-in/oidc", data={"purpose": purpose}, headers=HERE)
    assert why(answer) == "again"


def test_a_purpose_of_no_role_is_told(door: Door) -> None:
    answer = door.back(door.begin("HRESCH"))
    assert why(answer) == "purpose-not-for-role"
    assert TOLD["purpose-not-for-role"] in door.client.get(answer.headers["location"]).text


def test_a_provider_that_is_silent_is_told(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(**_: str) -> str:
        raise ProviderError("nobody answers")

    monkeypatch.setattr(door.staff.provider, "authorize_url", silent)
    answer = door.client.post("/sign-in/oidc", data={"purpose": "TREAT"}, headers=HERE)
    assert why(answer) == "provider"


def test_attempts_are_counted(door: Door) -> None:
    for _ in range(PER_MINUTE):
        door.client.get("/sign-in/callback")
    assert why(door.client.post("/sign-in/oidc", data={"purpose": "TREAT"}, headers=HERE)) == "often"
    assert why(door.client.get("/sign-in/callback")) == "often"


def test_without_a_provider_there_is_no_such_door(world: Consortium, tmp_path: Path) -> None:
    parts = replace(parts_of(world), viewer=stand_in(tmp_path))
    with TestClient(create_app(parts), base_url="http://gateway.test", follow_redirects=False) as client:
        assert client.post("/sign-in/oidc", headers=HERE).status_code == 404
        assert client.get("/sign-in/callback").status_code == 404
        assert "/sign-in/oidc" not in client.get("/sign-in").text
