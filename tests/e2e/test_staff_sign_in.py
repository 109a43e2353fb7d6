"""Staff sign in at a real gateway: at a real OpenID provider, and with a passkey of a real Chromium."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from fiducia.app.processes import free_ports
from fiducia.app.viewer.installed import Installation
from tests.e2e.conftest import SampleFolders
from tests.e2e.test_gateway import SEE, uid_of
from tests.support.chromium import Browser, running_chromium
from tests.support.cli import Cli
from tests.support.oidc import running_provider
from tests.support.plaintext import find_plaintext
from tests.support.viewer import stand_in
from tests.unit.app.test_processes import wait_for

ACCOUNT = "dr-b-of-hospital-b"
SECRET = "a secret: of/ours"
HERE = {"Sec-Fetch-Site": "same-origin"}
LISTED = "fetch('/dicomweb/studies').then(a => a.ok ? a.json() : a.status)"
_FORM = re.compile(r'<form[^>]* action="([^"]+)"')


@dataclass(frozen=True)
class Ward:
    """A consortium with one granted study, and a cache in which a viewer stands."""

    cli: Cli
    uid: str


@pytest.fixture(scope="module")
def ward(embedded: Cli, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    cache = tmp_path_factory.mktemp("cache")
    installed = Installation(cache / "fiducia").directory
    (cache / "stand-in").mkdir()
    stand_in(cache / "stand-in")
    (made,) = (cache / "stand-in" / "cache" / "viewer").iterdir()
    installed.parent.mkdir(parents=True)
    made.rename(installed)
    folder = SampleFolders(cache / "samples").make(1)
    embedded.grant(embedded.register(folder), *SEE)
    return Ward(embedded.with_environment(XDG_CACHE_HOME=str(cache)), uid_of(folder))


@contextmanager
def served(ward: Ward, port: int, *words: object) -> Iterator[str]:
    """Serve hospital B's gateway for as long as the block lasts; yields its origin."""
    with ward.cli.started("gateway", "serve", "--port", port, *words) as process:

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                    return bool(json.load(answer)["ready"])
            except OSError:
                assert process.poll() is None, process.communicate()
                return False

        wait_for(ready)
        yield f"http://localhost:{port}"


def add(ward: Ward, *words: object) -> Any:
    return ward.cli.ok("gateway", "staff", "add", "clinician", *words)


def token_in(browser: Browser, origin: str) -> str:
    cookies = browser.call("Network.getCookies", urls=[origin])["cookies"]
    ((token, http_only, same_site),) = [
        (each["value"], each["httpOnly"], each["sameSite"]) for each in cookies if each["name"] == "fiducia"
    ]
    assert (http_only, same_site) == (True, "Strict")
    return str(token)


def visited(browser: Browser) -> str:
    return " ".join(each["url"] for each in browser.call("Page.getNavigationHistory")["entries"])


def test_a_clinician_signs_in_with_the_hospital_account(ward: Ward, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    callback = f"http://localhost:{port}/sign-in/callback"
    with running_provider(tmp_path, callback) as issuer, running_chromium(tmp_path) as browser:
        add(ward, "--oidc", ACCOUNT, "--oidc-issuer", issuer)
        ward.cli.ok("gateway", "sign-out")  # of what other tests opened: the sessions that end below are counted
        with served(ward, port, "--oidc-issuer", issuer, "--oidc-client", "gateway") as origin:
            browser.go(f"{origin}/sign-in")
            browser.run("document.querySelector('#ways button').click()")
            browser.wait("!!document.querySelector('[name=login]')")
            assert browser.run("location.origin") == issuer
            assert browser.run("document.referrer") == ""
            browser.run("document.querySelector('[name=login]').value = '" + ACCOUNT + "'")
            browser.run("document.querySelector('[name=password]').value = 'x'")
            browser.run("document.querySelector('form').submit()")
            browser.wait("!!document.querySelector('[name=prompt][value=consent]')")
            browser.run("document.querySelector('form').submit()")
            browser.wait("location.pathname === '/viewer/'")
            (study,) = [each for each in browser.run(LISTED) if each["0020000D"]["Value"] == [ward.uid]]
            assert study
            token = token_in(browser, origin)
            assert token not in visited(browser)
            assert "code=" not in visited(browser)
            needles: dict[str, str | bytes] = {"token": token, "account": ACCOUNT}
            assert find_plaintext(ward.cli.home, needles) == ()
            assert ward.cli.ok("gateway", "staff", "remove", "clinician")["ended"] == 1
            wait_for(lambda: browser.run(LISTED) == 401)


@dataclass(frozen=True)
class Walker:
    """A person with a plain HTTP client, who fills in the forms that they are led to."""

    origin: str
    client: httpx2.Client

    def follow(self, answer: httpx2.Response) -> httpx2.Response:
        while answer.is_redirect:
            answer = self.client.get(answer.next_request.url if answer.next_request else "")
        return answer

    def sign_in(self, name: str) -> str:
        """Sign in as somebody; return the path where it ends. An empty name stops half-way."""
        begun = self.client.post(f"{self.origin}/sign-in/oidc", data={"purpose": "TREAT"}, headers=HERE)
        form = self.follow(self.client.get(begun.headers["refresh"].partition(";url=")[2]))
        action = self._action(form)
        if not name:
            return urlsplit(str(self.follow(self.client.get(f"{action}/abort")).url)).path
        consent = self.follow(self.client.post(action, data={"prompt": "login", "login": name, "password": "x"}))
        done = self.follow(self.client.post(self._action(consent), data={"prompt": "consent"}))
        return urlsplit(str(done.url)).path

    def _action(self, page: httpx2.Response) -> str:
        found = _FORM.search(page.text)
        assert found, page.text
        return str(page.url.join(found[1]))


def test_a_confidential_client_and_who_is_not_let_in(ward: Ward, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET + "\n")
    with running_provider(tmp_path, f"http://localhost:{port}/sign-in/callback", SECRET) as issuer:
        add(ward, "--oidc", ACCOUNT, "--oidc-issuer", issuer)
        words = ("--oidc-issuer", issuer, "--oidc-client", "gateway", "--oidc-secret-file", secret_file)
        with served(ward, port, *words) as origin:
            for name, end in (("", "again/refused"), ("somebody-else", "again/not-staff"), (ACCOUNT, "done")):
                with httpx2.Client(follow_redirects=False, trust_env=False, timeout=30) as client:
                    assert Walker(origin, client).sign_in(name) == f"/sign-in/{end}"
                    found = client.get(f"{origin}/dicomweb/studies", headers=HERE)
                    assert (ward.uid in found.text) == (end == "done")


def test_a_clinician_signs_in_with_a_passkey(ward: Ward, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with running_chromium(tmp_path) as browser, served(ward, port) as origin:
        authenticator = browser.add_authenticator()
        code = add(ward, "--passkey")["code"]
        browser.go(f"{origin}/sign-in/passkey/new")
        browser.run(f"document.getElementById('code').value = {json.dumps(code.lower())}")
        browser.run("document.querySelector('#new button').click()")
        browser.wait("location.pathname === '/sign-in' && document.getElementById('passkey')?.hidden === false")
        (row,) = ward.cli.ok("gateway", "staff", "list")
        assert (row["profile"], row["passkeys"]) == ("clinician", 1)
        browser.run("document.getElementById('passkey').click()")
        browser.wait("location.pathname === '/viewer/'")
        assert [each for each in browser.run(LISTED) if each["0020000D"]["Value"] == [ward.uid]]
        assert token_in(browser, origin) not in visited(browser)
        browser.go(f"{origin}/sign-in")
        browser.run("document.querySelector('form').submit()")
        browser.wait("document.getElementById('passkey')?.hidden === false")
        assert browser.run(LISTED) == 401
        browser.call("WebAuthn.setUserVerified", authenticatorId=authenticator, isUserVerified=False)
        browser.run("document.getElementById('passkey').click()")
        told = browser.wait("document.getElementById('told').textContent")
        assert told.startswith("No passkey was used")
        assert browser.run(LISTED) == 401


def test_what_is_not_safe_or_not_whole_is_refused(ward: Ward, tmp_path: Path) -> None:
    serve = ("gateway", "serve", "--port", 1)
    plain = (*serve, "--oidc-issuer", "http://login.hospital.test", "--oidc-client", "gateway")
    assert "https" in ward.cli.fails(2, *plain)["detail"]
    assert "together" in ward.cli.fails(5, *serve, "--oidc-issuer", "https://login.hospital.test")["detail"]
    (tmp_path / "empty").touch()
    for secret in ("empty", "missing"):
        ward.cli.fails(2, *plain, "--oidc-secret-file", tmp_path / secret)
    assert ward.cli.fails(5, "gateway", "staff", "add", "clinician")["type"].endswith("input")
    assert ward.cli.fails(2, "gateway", "staff", "add", "patient", "--passkey")["type"].endswith("config")
    assert ward.cli.fails(5, "gateway", "staff", "list", "--as", "clinician")["type"].endswith("input")
