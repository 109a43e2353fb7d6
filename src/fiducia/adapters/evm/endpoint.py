"""One HTTP endpoint and its kept connections: the little of HTTP that JSON-RPC needs.

Owns connecting, posting, bounding the answer, and which connections may be used again. Built on the standard
library's client because every release makes several small requests and waits for each: a general client takes
four times its processor time. Follows no redirect, uses no proxy, reads nothing of the environment.
Source: RFC 9112 (HTTP/1.1); RFC 7617 for credentials in an endpoint's URL.
"""

from __future__ import annotations

import base64
import http.client
import select
import ssl
from urllib.parse import unquote, urlsplit

_IDLE_AT_MOST = 64


class NobodyThereError(OSError):
    """No connection could be made; `rpc` makes a LedgerUnreachableError of it, as of every other failure here."""


class Endpoint:
    """One URL. Safe for threads: each request has a connection to itself.

    Args:
        url: http or https.
        timeout_s: for connecting, and for each pause of an answer.

    Raises:
        ValueError: not a URL with a host and a port that can be.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("an endpoint has a host")
        self._host, self._port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._timeout_s = timeout_s
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if parts.username is not None:
            credential = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(credential).decode()
        self._idle: list[http.client.HTTPConnection] = []
        self._closed = False

    @property
    def name(self) -> str:
        """Host and port, for messages: the URL may carry a credential."""
        return f"{self._host}:{self._port}"

    def post(self, body: bytes, limit_bytes: int) -> tuple[int, bytes]:
        """Post a body; return the status and at most `limit_bytes` + 1 bytes of the answer.

        Raises:
            NobodyThereError: no connection. TimeoutError: no answer in time.
            OSError, http.client.HTTPException: the connection broke, or what came is not HTTP.
        """
        connection = self._kept() or self._connected()
        try:
            connection.request("POST", self._target, body, self._headers)
            response = connection.getresponse()
            received = response.read(limit_bytes + 1)
            if response.length:  # the end came before what was announced, or there is more than may be read
                if len(received) <= limit_bytes:
                    raise http.client.IncompleteRead(received, response.length)
            elif response.isclosed() and not response.will_close and not self._is_full():
                self._idle.append(connection)
                return response.status, received
        except BaseException:
            connection.close()
            raise
        connection.close()
        return response.status, received

    def close(self) -> None:
        """Close what is kept, and keep nothing from now on."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _is_full(self) -> bool:
        return self._closed or len(self._idle) >= _IDLE_AT_MOST

    def _kept(self) -> http.client.HTTPConnection | None:
        """Return a connection that the other side has not closed meanwhile."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            # Between two answers nothing may come: what can be read is the other side's goodbye.
            heard = select.poll()
            heard.register(connection.sock, select.POLLIN)
            if not heard.poll(0):
                return connection
            connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        if self._tls is None:
            made = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        else:
            made = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)
        try:
            made.connect()
        except TimeoutError:
            raise
        except OSError as error:
            raise NobodyThereError(f"no connection to {self._host}") from error
        return made
