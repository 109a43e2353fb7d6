"""The vault in memory: for tests and for journeys that must leave nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from fiducia.adapters.custody_codec import check_name, check_secret
from fiducia.adapters.memory.closing import Closing
from fiducia.errors import KeyMissingError


class MemoryVault(Closing):
    """`fiducia.ports.Vault` in a dictionary; thread-safe."""

    def __init__(self) -> None:
        self._secrets: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, secrets: Mapping[str, bytes]) -> None:
        """Keep all of them or none. See `Vault.put`."""
        for name, secret in secrets.items():
            check_name(name)
            check_secret(secret)
        with self._lock:
            self._secrets.update(secrets)

    def get(self, name: str) -> bytes:
        """Return one secret. See `Vault.get`."""
        check_name(name)
        with self._lock:
            try:
                return self._secrets[name]
            except KeyError as error:
                raise KeyMissingError("there is no such key here: it was never kept, or was destroyed") from error

    def remove(self, names: Iterable[str]) -> None:
        """Destroy secrets. See `Vault.remove`."""
        names = tuple(names)
        for name in names:
            check_name(name)
        with self._lock:
            for name in names:
                self._secrets.pop(name, None)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names that start with `prefix`, sorted. See `Vault.names`."""
        if prefix:
            check_name(prefix)
        with self._lock:
            return tuple(sorted(name for name in self._secrets if name.startswith(prefix)))
