"""The operator's policy of re-keying, from its two settings."""

from __future__ import annotations

import enum
from typing import TypeVar

from fiducia.app.settings import Settings
from fiducia.core.rules import Basis, Purpose, mask
from fiducia.errors import ConfigError
from fiducia.journeys.custody.rekeying_revoked import RekeyPolicy

ALL = "all"
_Word = TypeVar("_Word", bound=enum.IntEnum)


def rekey_policy(settings: Settings) -> RekeyPolicy | None:
    """Return what revokes are followed by re-keying; None where none is. Raises: ConfigError (an unknown word)."""
    if settings.rekey_purposes is None:
        return None
    purposes = _words(Purpose, settings.rekey_purposes, "FIDUCIA_REKEY_PURPOSES")
    return RekeyPolicy(mask(*purposes), frozenset(_words(Basis, settings.rekey_bases, "FIDUCIA_REKEY_BASES")))


def _words(kind: type[_Word], text: str, name: str) -> list[_Word]:
    if text.lower() == ALL:
        return list(kind)
    try:
        return [kind[word.strip().upper()] for word in text.split(",")]
    except KeyError:
        raise ConfigError(f"{name} is {ALL}, or some of: {', '.join(kind.__members__)}") from None
