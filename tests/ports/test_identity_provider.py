"""`IdentityProvider`, in memory and over HTTP; and what an HTTP provider may not do to us."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fiducia.adapters.memory.identity_provider import MemoryProvider
from fiducia.adapters.oidc_http import ANEW_S, KEPT_S, SILENT_S, HttpProvider
from fiducia.errors import ConfigError, DeniedError, ProviderError
from fiducia.ports import IdentityProvider
from tests.support.hospital import jwks, key


class FakeProvider:
    """A small provider on loopback, which a test changes as it likes."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.document: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        self.keys: Any = jwks(key())
        self.tokens: dict[str, str] = {}
        self.raw: tuple[int, bytes] | None = None
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []

    def answer(self, path: str, form: dict[str, list[str]], authorization: str) -> tuple[int, bytes]:
        self.asked.append((path, form, authorization))
        if path == "/.well-known/openid-configuration":
            return 200, json.dumps(self.document).encode()
        if self.raw is not None:
            return self.raw
        if path == "/jwks":
            return 200, json.dumps(self.keys).encode()
        token = self.tokens.pop(form["code"][0], None)
        if token is None:
            return 400, b'{"error": "invalid_grant", "error_description": "theirs"}'
        return 200, json.dumps({"id_token": token, "access_token": "x", "token_type": "Bearer"}).encode()


@contextmanager
def serving() -> Iterator[FakeProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers.get("content-length", "0"))).decode())
            status, body = made.answer(self.path, form, self.headers.get("authorization", ""))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            if status in (301, 302, 307):
                self.send_header("location", made.url + "/jwks")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = FakeProvider(server)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with serving() as fake:
        yield fake


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def http(fake: FakeProvider, now: list[float]) -> Iterator[HttpProvider]:
    provider = HttpProvider(fake.url, "gateway", monotonic=lambda: now[0])
    yield provider
    provider.close()


@pytest.fixture(params=["memory", "http"])
def either(request: pytest.FixtureRequest, fake: FakeProvider, http: HttpProvider) -> IdentityProvider:
    if request.param == "http":
        return http
    provider = MemoryProvider(fake.url, "gateway", fake.keys)
    provider.tokens = fake.tokens
    return provider


def test_where_a_browser_begins(either: IdentityProvider) -> None:
    url = urlsplit(either.authorize_url(state="a b", client_id=either.client_id))
    assert f"{url.scheme}://{url.netloc}" == either.issuer
    assert parse_qs(url.query) == {"state": ["a b"], "client_id": ["gateway"]}
    assert either.names_itself()


def test_a_code_counts_once(either: IdentityProvider, fake: FakeProvider) -> None:
    fake.tokens["a-code"] = "a.token.x"
    assert either.redeem("a-code", "verifier", "http://gateway.test/cb") == "a.token.x"
    with pytest.raises(DeniedError) as caught:
        either.redeem("a-code", "verifier", "http://gateway.test/cb")
    assert caught.value.reason == "PROVIDER_REFUSED"
    assert "theirs" not in str(caught.value)


def test_keys_are_those_that_are_published(either: IdentityProvider, fake: FakeProvider) -> None:
    assert either.keys() == either.keys(anew=True) == fake.keys


def test_a_public_client_names_itself_and_a_confidential_one_proves_it(fake: FakeProvider) -> None:
    for secret, body in (("", ["gateway 1"]), ("a:secret/é", None)):
        provider = HttpProvider(fake.url, "gateway 1", secret)
        fake.tokens["c"] = "t"
        provider.redeem("c", "verifier", "cb")
        provider.close()
        _, form, authorization = fake.asked[-1]
        assert form.get("client_id") == body
        assert (form["code_verifier"], form["redirect_uri"]) == (["verifier"], ["cb"])
        assert "a:secret" not in str(form)
        proof = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert proof == ("gateway%201:a%3Asecret%2F%C3%A9" if secret else "")


def test_keys_are_kept_and_not_read_anew_all_the_time(http: HttpProvider, fake: FakeProvider, now: list[float]) -> None:
    def reads() -> int:
        return [path for path, *_ in fake.asked].count("/jwks")

    http.keys()
    for _ in range(3):
        http.keys()
        http.keys(anew=True)
    assert reads() == 1
    now[0] += ANEW_S
    http.keys()
    assert reads() == 1
    http.keys(anew=True)
    http.keys(anew=True)
    assert reads() == 2
    now[0] += KEPT_S
    http.keys()
    assert reads() == 3


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.hospital.test",
        "http://10.0.0.1",
        "http://127.0.0.1.hospital.test",
        "http://localhost.hospital.test",
        "ftp://127.0.0.1",
        "https://",
        "https://name:word@login.hospital.test",
        "https://login.hospital.test?x=1",
        "https://login.hospital.test#x",
        "https://login.hospital.test:port",
        "https://login.höspital.test",
        "login.hospital.test",
        "",
    ],
)
def test_only_tls_is_asked_or_this_machine(issuer: str) -> None:
    with pytest.raises(ConfigError):
        HttpProvider(issuer, "gateway")


@pytest.mark.parametrize("issuer", ["https://login.hospital.test/realm", "http://[::1]:4000", "http://localhost:4000"])
def test_tls_and_this_machine_are(issuer: str) -> None:
    HttpProvider(issuer, "gateway").close()


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://login.elsewhere.test"},
        {"issuer": None},
        {"token_endpoint": "http://login.elsewhere.test/token"},
        {"token_endpoint": None},
        {"token_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://127.0.0.1:1/a b\n"},
    ],
)
def test_a_document_that_leads_elsewhere_is_not_followed(
    http: HttpProvider, fake: FakeProvider, changes: dict[str, Any]
) -> None:
    fake.document |= changes
    with pytest.raises(ProviderError):
        http.redeem("a-code", "verifier", "cb")


@pytest.mark.parametrize(
    "raw",
    [
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"id_token": 7}'),
        (200, b"{" * 100_000),
        (200, b'"' + b"x" * (300 << 10) + b'"'),
        (302, b""),
        (500, b'{"id_token": "x"}'),
        (204, b""),
    ],
)
def test_an_answer_that_is_none_is_a_provider_error(
    http: HttpProvider, fake: FakeProvider, raw: tuple[int, bytes]
) -> None:
    fake.raw = raw
    with pytest.raises(ProviderError):
        http.redeem("a-code", "verifier", "cb")


def test_nobody_there_is_a_provider_error() -> None:
    with serving() as fake:
        pass
    provider = HttpProvider(fake.url, "gateway")
    with pytest.raises(ProviderError):
        provider.keys()
    provider.close()


def test_a_silent_provider_is_left_alone_for_a_moment(http: HttpProvider, fake: FakeProvider, now: list[float]) -> None:
    fake.raw = (500, b"")
    for _ in range(3):
        with pytest.raises(ProviderError):
            http.keys()
    assert [path for path, *_ in fake.asked].count("/jwks") == 1
    fake.raw = None
    now[0] += SILENT_S
    assert http.keys() == fake.keys
