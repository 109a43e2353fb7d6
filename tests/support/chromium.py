"""A real Chromium for tests, spoken to by its DevTools protocol: one page, one virtual authenticator.

The protocol is JSON over one WebSocket, so no driver is needed. The page is served on http://localhost:PORT,
which browsers count as secure; on 127.0.0.1 there are no passkeys.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_START_S = 60
_ANSWER_S = 30
_ASK_EVERY_S = 0.2

PAGE = b"""<!doctype html><meta charset="utf-8"><title>passkeys</title><script>
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer)));
async function create(rpId, name) {
  const credential = await navigator.credentials.create({ publicKey: {
    rp: { id: rpId, name: "fiducia" },
    user: { id: crypto.getRandomValues(new Uint8Array(16)), name, displayName: name },
    challenge: crypto.getRandomValues(new Uint8Array(32)),
    pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    authenticatorSelection: { userVerification: "required", residentKey: "discouraged" },
  }});
  return { id: text(credential.rawId), spki: text(credential.response.getPublicKey()) };
}
async function sign(rpId, id, challenge, userVerification) {
  const { response } = await navigator.credentials.get({ publicKey: {
    rpId, userVerification, challenge: bytes(challenge), allowCredentials: [{ type: "public-key", id: bytes(id) }],
  }});
  return [response.authenticatorData, response.clientDataJSON, response.signature].map(text);
}
</script>"""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


@dataclass
class Browser:
    """One page of a running Chromium, served by us."""

    socket: ClientConnection
    port: int
    events: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=partial(itertools.count, 1))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call one method of the protocol; events that come meanwhile are kept in `events`."""
        number = self._send(method, params)
        while (answer := self._receive()).get("id") != number:
            pass
        assert "error" not in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def _send(self, method: str, params: dict[str, Any], session: str = "") -> int:
        number = next(self._numbers)
        to = {"sessionId": session} if session else {}
        self.socket.send(json.dumps({"id": number, "method": method, "params": params, **to}))
        return number

    def _receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.socket.recv(timeout=_ANSWER_S))
        if "method" in answer:
            self.events.append(answer)
        if answer.get("method") == "Target.attachedToTarget":  # a worker that waits until it is watched, too
            session = answer["params"]["sessionId"]
            for method in ("Network.enable", "Log.enable", "Runtime.enable", "Runtime.runIfWaitingForDebugger"):
                self._send(method, {}, session)
        return answer

    def watch(self) -> None:
        """Keep every request, answer, log entry and uncaught error of the page and of its workers in `events`."""
        for domain in ("Network", "Log", "Runtime", "Page"):
            self.call(f"{domain}.enable")
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def params_of(self, method: str) -> list[dict[str, Any]]:
        """Return what came with each event of one kind so far."""
        return [event["params"] for event in self.events if event["method"] == method]

    def go(self, url: str) -> None:
        """Open a page and wait until it is there; what it does then, it does by itself."""
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def wait(self, expression: str, seconds: float = _START_S) -> Any:
        """Wait until JavaScript on the page gives something; an error counts as nothing yet."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(RuntimeError):
                if found := self.run(expression):
                    return found
            assert time.monotonic() < deadline, f"it does not come: {expression}"
            time.sleep(_ASK_EVERY_S)

    def picture(self, clip: dict[str, float] | None = None) -> bytes:
        """Return what is to be seen as PNG; of a part of the page with `clip` (x, y, width, height)."""
        more = {"clip": {**clip, "scale": 1}} if clip else {}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **more)["data"])

    def visit(self, host: str = "localhost") -> None:
        """Open the page under a name of this machine."""
        self.call("Page.navigate", url=f"http://{host}:{self.port}/")
        wanted = f"document.readyState === 'complete' && location.hostname === '{host}' && typeof sign === 'function'"
        deadline = time.monotonic() + _START_S
        while not self.run(wanted):
            assert time.monotonic() < deadline, "the page does not load"
            time.sleep(0.05)

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript on the page, as if its user had clicked. Raises: RuntimeError (it threw)."""
        done = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"].get("exception", {}).get("description", "it threw"))
        return done["result"].get("value")

    def add_authenticator(self) -> str:
        """Add a platform authenticator whose user is there and verified; return its id."""
        self.call("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added: str = self.call("WebAuthn.addVirtualAuthenticator", options=options)["authenticatorId"]
        return added

    def create(self, rp_id: str, name: str) -> tuple[str, bytes]:
        """Make a passkey; return its id (base64) and its public key (SubjectPublicKeyInfo)."""
        made = self.run(f"create({json.dumps(rp_id)}, {json.dumps(name)})")
        return made["id"], base64.b64decode(made["spki"])

    def sign(self, rp_id: str, key_id: str, challenge: bytes, user_verification: str) -> tuple[bytes, bytes, bytes]:
        """Have a passkey sign; return authenticatorData, clientDataJSON and the signature."""
        arguments = (rp_id, key_id, base64.b64encode(challenge).decode(), user_verification)
        data, said, signature = map(base64.b64decode, self.run(f"sign({', '.join(map(json.dumps, arguments))})"))
        return data, said, signature


def chromium_binary() -> str:
    """The Chromium on PATH; skips when there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or pytest.skip("Chromium is not here: none of its names is on PATH (Debian: apt-get install chromium)")


@contextmanager
def running_chromium(directory: Path, *more: str) -> Iterator[Browser]:
    """Run a browser with a profile in `directory`, and serve its page, for as long as the block lasts.

    Args:
        directory: for its profile and its log.
        more: further arguments.
    """
    binary = chromium_binary()
    profile = directory / "chromium"
    command = [
        binary,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        *more,
        "about:blank",
    ]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with (directory / "chromium.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as child:
        try:
            with connect(_page_of(profile, child), max_size=None) as socket:
                yield Browser(socket, server.server_port)
        finally:
            child.terminate()
            child.wait(timeout=30)
            server.shutdown()
            server.server_close()


def _page_of(profile: Path, child: subprocess.Popen[bytes]) -> str:
    """The address of the first page's protocol."""
    told = profile / "DevToolsActivePort"
    deadline = time.monotonic() + _START_S
    while not told.exists() or len(told.read_text().splitlines()) < 2:
        assert child.poll() is None, "Chromium ended"
        assert time.monotonic() < deadline, "Chromium does not start"
        time.sleep(0.05)
    port = int(told.read_text().splitlines()[0])
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_ANSWER_S) as answer:
            pages = [each for each in json.load(answer) if each["type"] == "page"]
        if pages:
            address: str = pages[0]["webSocketDebuggerUrl"]
            return address
        assert time.monotonic() < deadline, "Chromium opens no page"
        time.sleep(0.05)
