"""The store on a Kubo node, through its RPC (ipfshttpclient, pinned exactly).

Owns how objects are added (one upload, streamed, pinned), read by range, and forgotten. Kubo answers a read that it
cannot finish with 200 and a short body, so every length is compared; contents are verified by the caller. Does not
configure or run the node: `app.kubo_daemon` does. Source: Kubo's RPC reference, /api/v0, version 0.43.0.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import requests
from ipfshttpclient import exceptions, http_requests, multipart

from fiducia.core.formats.cid import CHUNK_BYTES, LINKS_PER_NODE, check_cid
from fiducia.errors import ConfigError, EncodingError, StoreCorruptError, StoreError, StoreMissingError
from fiducia.ports import Piece
from fiducia.records.images import StoredObject

# Named in full with every upload, so that a node with another import profile gives the same CIDs.
_ADD = {
    "chunker": f"size-{CHUNK_BYTES}",
    "cid-version": "1",
    "hash": "sha2-256",
    "max-file-links": str(LINKS_PER_NODE),
    "pin": "true",
    "raw-leaves": "true",
    "trickle": "false",
}
_CONNECT_TIMEOUT_S = 5.0
_UPLOAD_TIMEOUT_S = 120.0  # between two signs of life, and for the flush to disk at the end
_SLOWEST_READ_BYTES_PER_S = 4 << 20
_RECEIVE_BYTES = 1 << 20
_COALESCE_BYTES = 1 << 18
_BLOCKS_PER_REMOVAL = 64  # each CID is part of the URL
_RAW_CID_PREFIX = "bafkrei"


class KuboStore:
    """A `Store` on a Kubo node. Safe for many threads: each gets a session of its own."""

    def __init__(self, api: str, *, timeout_s: float = 10.0, offline: bool = True) -> None:
        """Take note of the node; nothing is asked yet.

        Args:
            api: the multiaddr of its RPC, such as "/ip4/127.0.0.1/tcp/5001".
            timeout_s: how long a small read may take; longer ones get time by their length.
            offline: read only what this node holds, never ask its peers: absent is known at once.

        Raises:
            ConfigError: `api` is not a multiaddr of an HTTP service.
        """
        self._api = api
        self._timeout_s = timeout_s
        self._offline = offline
        self._sessions = threading.local()
        self._client()

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        """Store one object; see `fiducia.ports.Store.put`."""
        source = _Source(pieces)
        answers: list[dict[str, Any]] = []
        try:
            with _kubo_errors(StoreError):
                answers = self._upload(source)
        except StoreError:
            if source.error is None:
                raise
        if source.error is not None:  # the pieces ended in an error of their own: that is the news, not the upload
            raise source.error
        expected = cid()
        named = answers[-1].get("Hash") if answers else None
        if named != expected or len(answers) != 1:
            for answer in answers:
                self._withdraw(answer.get("Hash"))
            raise StoreCorruptError(f"the store answered with another address than {expected}")
        return StoredObject(expected, source.size_bytes)

    def read(self, cid: str, offset: int, length: int) -> bytes:
        """Read a range; see `fiducia.ports.Store.read`."""
        timeout_s = self._timeout_s + length / _SLOWEST_READ_BYTES_PER_S
        options = {"offset": str(offset), "length": str(length)}
        deadline = time.monotonic() + timeout_s + 1
        parts: list[bytes] = []
        received = 0
        with _kubo_errors(StoreMissingError), self._stream("/cat", _checked(cid), options, timeout_s) as body:
            for part in body:
                parts.append(part)
                received += len(part)
                if received > length:  # leaving the block hangs up: a store cannot make us read without end
                    raise StoreCorruptError(f"the store answered with more than {length} bytes of {cid}")
                if time.monotonic() > deadline:  # a socket's own timeout begins anew with every drop
                    break
        if received != length:
            raise StoreMissingError(f"the store answered with {received} of {length} bytes at {offset} of {cid}")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def size(self, cid: str) -> int:
        """Return the object's size in bytes; see `fiducia.ports.Store.size`."""
        with _kubo_errors(StoreMissingError):
            answer = self._ask("/files/stat", f"/ipfs/{_checked(cid)}")[0]
            return int(answer["Size"])

    def remove(self, cid: str) -> None:
        """Unpin an object and delete its blocks; see `fiducia.ports.Store.remove`."""
        root = _checked(cid)
        with contextlib.suppress(StoreMissingError), _kubo_errors(StoreMissingError):  # Kubo: "not pinned"
            self._ask("/pin/rm", root)
        blocks = [root, *self._descendants(root)]
        for start in range(0, len(blocks), _BLOCKS_PER_REMOVAL):
            batch = blocks[start : start + _BLOCKS_PER_REMOVAL]
            with _kubo_errors(StoreError):
                # Kubo keeps a block that another object's pin still holds; force: one that is absent is done.
                self._ask("/block/rm", *batch, options={"force": "true"}, timeout_s=_UPLOAD_TIMEOUT_S)

    def health(self) -> None:
        """Return when the node's RPC and its repository answer; see `fiducia.ports.Store.health`."""
        with _kubo_errors(StoreError):
            self._ask("/repo/stat", options={"size-only": "true"})

    def close(self) -> None:
        """Close this thread's connections; other threads' end with their thread."""
        self._sessions.__dict__.clear()

    def _upload(self, source: _Source) -> list[dict[str, Any]]:
        stream = multipart.BytesFileStream(source.coalesced(), chunk_size=CHUNK_BYTES)
        answers = self._client().request(
            "/add",
            decoder="json",
            opts=_ADD,
            data=stream.body(),
            headers=stream.headers(),
            timeout=(_CONNECT_TIMEOUT_S, _UPLOAD_TIMEOUT_S),
        )
        return _objects(answers)

    @contextlib.contextmanager
    def _stream(self, path: str, cid: str, options: dict[str, str], timeout_s: float) -> Iterator[Iterable[bytes]]:
        body = self._client().request(
            path,
            [cid],
            opts=options | self._common(timeout_s),
            stream=True,
            timeout=(_CONNECT_TIMEOUT_S, timeout_s + 1),
        )
        with body:
            yield body

    def _ask(
        self, path: str, *arguments: str, options: dict[str, str] | None = None, timeout_s: float | None = None
    ) -> list[dict[str, Any]]:
        seconds = timeout_s or self._timeout_s
        return _objects(
            self._client().request(
                path,
                list(arguments),
                opts=(options or {}) | self._common(seconds),
                decoder="json",
                timeout=(_CONNECT_TIMEOUT_S, seconds + 1),
            )
        )

    def _common(self, timeout_s: float) -> dict[str, str]:
        # The node gives up before we do: otherwise its side of a hopeless read would live on.
        return {"timeout": f"{timeout_s:.3f}s", "offline": "true" if self._offline else "false"}

    def _descendants(self, cid: str) -> list[str]:
        """The CIDs below an object's root, as far as its inner nodes are here."""
        if cid.startswith(_RAW_CID_PREFIX):
            return []
        found: list[str] = []
        with contextlib.suppress(StoreMissingError), _kubo_errors(StoreMissingError):
            node = self._ask("/dag/get", cid, options={"output-codec": "dag-json"})[0]
            for link in node["Links"]:
                child = _checked(link["Hash"]["/"])
                found += [child, *self._descendants(child)]
        return found

    def _withdraw(self, cid: object) -> None:
        """Remove what a wrong answer names, if it names anything; the wrong answer stays the news."""
        with contextlib.suppress(StoreError):
            self.remove(str(cid))

    def _client(self) -> _Session:
        session = getattr(self._sessions, "session", None)
        if session is None:
            try:
                session = _Session(self._api, "api/v0")
            except exceptions.AddressError as error:
                raise ConfigError(f"not the address of a Kubo RPC: {self._api}") from error
            session.open_session()
            self._sessions.session = session
        return session


class _Session(http_requests.ClientSync):  # type: ignore[misc]  # the package is not typed
    """ipfshttpclient's requests over a plain session: no proxies, no .netrc, no redirects, bounded parts."""

    def _make_session(self) -> requests.Session:
        # The package's own session, made for its Unix sockets, trips over urllib3 2 with a warning for every user.
        session = requests.Session()
        session.params = dict(self._session_props["params"])
        session.trust_env = False  # a proxy named in the environment must not see what goes to a loopback service
        session.max_redirects = 0  # nor does anybody that the store points to
        return session

    def _request(self, method: str, path: str, params: Any, **options: Any) -> Any:
        # None would take a chunk as long as the store says it is.
        return super()._request(method, path, params, **(options | {"chunk_size": _RECEIVE_BYTES}))

    def __del__(self) -> None:
        if getattr(self, "_session", None) is not None:
            self.close_session()


class _Source:
    """The pieces on their way up: counts them, joins small ones, and remembers an error of theirs."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = pieces
        self.size_bytes = 0
        self.error: Exception | None = None

    def coalesced(self) -> Iterator[memoryview | bytearray]:
        """Yield buffers that are valid until the next is asked for; none is empty."""
        small = bytearray()
        for piece in self._remembering():
            view = memoryview(piece).cast("B")
            self.size_bytes += len(view)
            if len(view) < _COALESCE_BYTES:
                small += view
                if len(small) < _COALESCE_BYTES:
                    continue
                view = memoryview(b"")
            if small:
                yield small
                small = bytearray()
            if view:
                yield view
        if small:
            yield small

    def _remembering(self) -> Iterator[Piece]:
        try:
            yield from self._pieces
        except Exception as error:
            self.error = error
            # Breaks the upload off in the middle: Kubo sees an incomplete body and adds nothing.
            raise StoreError("the object could not be read to its end") from error


def _objects(answers: object) -> list[dict[str, Any]]:
    """What the node said, as a list of JSON objects; a store may say anything."""
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise StoreCorruptError("the store's answer is not what its protocol says")
    return answers


def _checked(cid: str) -> str:
    try:
        return check_cid(cid)
    except EncodingError as error:
        raise StoreMissingError("this is not the address of a stored object") from error


@contextlib.contextmanager
def _kubo_errors(refused: type[StoreError]) -> Iterator[None]:
    """Translate the client's errors; `refused` is what it means when the node answers with an error."""
    try:
        yield
    except (exceptions.ConnectionError, exceptions.ProtocolError) as error:
        raise StoreError("the store does not answer") from error
    except exceptions.TimeoutError as error:
        raise refused("the store did not answer in time") from error
    except exceptions.StatusError as error:
        raise refused(f"the store refuses: {str(error)[:200]}") from error
    except (exceptions.Error, OSError) as error:  # requests' own errors, when an answer breaks off, are OSErrors
        raise refused("the store's answer broke off") from error
    except (LookupError, TypeError, ValueError) as error:
        raise StoreCorruptError("the store's answer is not what its protocol says") from error
