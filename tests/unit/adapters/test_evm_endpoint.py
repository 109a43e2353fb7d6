"""One HTTP endpoint: connections are kept while they are good, and answers are taken whole or not at all."""

from __future__ import annotations

import base64
import datetime
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fiducia.adapters.evm.endpoint import Endpoint, NobodyThereError

Talk = Callable[[socket.socket], None]
LIMIT = 1 << 16


@contextmanager
def server(*talks: Talk, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """Take one connection per talk, in order; yields the URL and what each connection asked first."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            for talk in talks:
                plain, _ = listener.accept()
                with closing(plain):
                    try:
                        connection = tls.wrap_socket(plain, server_side=True) if tls else plain
                        asked.append(ask(connection))
                        talk(connection)
                        connection.close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}", asked
        thread.join(10)
        assert not thread.is_alive()


def ask(connection: socket.socket) -> bytes:
    """Read one request, its body too."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(LIMIT)
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(LIMIT)
    return head + b"\r\n\r\n" + body


def answer(body: bytes, *headers: str, length: int | None = None) -> bytes:
    announced = (f"Content-Length: {len(body) if length is None else length}",) if length != -1 else ()
    return "\r\n".join(("HTTP/1.1 200 OK", *announced, *headers, "", "")).encode() + body


def say(*answers: bytes) -> Talk:
    """Answer the first request, which was read already, and the following ones on the same connection."""

    def talk(connection: socket.socket) -> None:
        for number, each in enumerate(answers):
            if number:
                ask(connection)
            connection.sendall(each)

    return talk


@contextmanager
def endpoint(url: str, timeout_s: float = 5.0) -> Iterator[Endpoint]:
    with closing(Endpoint(url, timeout_s)) as made:
        yield made


def test_a_good_connection_is_used_again() -> None:
    chunked = answer(b"3\r\ntwo\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length=-1)
    with server(say(answer(b"one"), chunked, answer(b""))) as (url, asked), endpoint(url) as one:
        assert [one.post(b"{}", LIMIT) for _ in range(3)] == [(200, b"one"), (200, b"two"), (200, b"")]
        assert len(asked) == 1  # one connection


def test_a_connection_that_the_other_side_closed_is_replaced() -> None:
    with server(say(answer(b"one")), say(answer(b"two"))) as (url, asked), endpoint(url) as one:
        assert one.post(b"{}", LIMIT) == (200, b"one")
        (kept,) = one._idle
        kept.sock.settimeout(5)
        assert kept.sock.recv(1, socket.MSG_PEEK) == b""  # the goodbye has arrived
        assert one.post(b"{}", LIMIT) == (200, b"two")
        assert len(asked) == 2


@pytest.mark.parametrize("bye", [answer(b"one", "Connection: close"), answer(b"one", length=-1)])
def test_a_connection_that_is_announced_to_end_is_not_kept(bye: bytes) -> None:
    with server(say(bye), say(answer(b"two"))) as (url, _), endpoint(url) as one:
        assert [one.post(b"{}", LIMIT)[1] for _ in range(2)] == [b"one", b"two"]


def test_a_short_answer_is_no_answer() -> None:
    with server(say(answer(b"one", length=4))) as (url, _), endpoint(url) as one:
        with pytest.raises(http.client.IncompleteRead):
            one.post(b"{}", LIMIT)
        assert not one._idle


@pytest.mark.parametrize("length", [4, 5, 1 << 40, -1])
def test_no_more_than_the_limit_is_read(length: int) -> None:
    with server(say(answer(b"12345", length=length))) as (url, _), endpoint(url) as one:
        assert one.post(b"{}", 3) == (200, b"1234")


def test_what_is_no_http_is_told_apart_from_nobody() -> None:
    with (
        server(say(b"SSH-2.0-OpenSSH\r\n")) as (url, _),
        endpoint(url) as one,
        pytest.raises(http.client.HTTPException),
    ):
        one.post(b"{}", LIMIT)
    with endpoint(url) as one, pytest.raises(NobodyThereError):
        one.post(b"{}", LIMIT)


def test_the_request_is_a_plain_post() -> None:
    with server(say(answer(b""))) as (url, asked), endpoint(url.replace("//", "//a%40b:c@") + "/v1?key=2") as one:
        one.post(b'{"a":1}', LIMIT)
    head, _, body = asked[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1?key=2 HTTP/1.1"
    assert b"Content-Type: application/json" in lines
    assert b"Authorization: Basic " + base64.b64encode(b"a@b:c") in lines
    assert body == b'{"a":1}'


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with server(say(answer(b"one")), tls=self_signed(tmp_path)) as (url, asked), endpoint(url) as one:
        with pytest.raises(NobodyThereError):
            one.post(b"{}", LIMIT)
        assert not asked


@pytest.mark.parametrize("url", ["http://", "http:///path", "http://host:70000", "https://[::1"])
def test_an_endpoint_has_a_host_and_a_port_that_can_be(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Endpoint(url, 1.0)


def self_signed(directory: Path) -> ssl.SSLContext:
    """Return a server's context for 127.0.0.1 under a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
