"""Every way fiducia says no, in one tree, each with its exit code and HTTP status.

    FiduciaError                     1  500
    ├── InputError                   5  400   what was given is wrong; says what to do
    │   ├── DicomError               5  422
    │   ├── EncodingError            5  400
    │   ├── TooLargeError            5  413
    │   └── SignatureError           5  403
    ├── DeniedError                  3  403   refused by policy; `.reason` says why
    ├── VerificationError            1  502   something read is not what was promised
    │   ├── DigestError              1  502
    │   ├── ProofError               1  502
    │   ├── DecryptionError          1  502
    │   └── LedgerInconsistencyError 1  502
    ├── LedgerError                  4  503
    │   ├── LedgerUnreachableError   4  503
    │   ├── LedgerStaleError         4  503
    │   ├── LedgerNotFinalError      4  503
    │   └── UnexpectedRevertError    4  502
    ├── StoreError                   4  503
    │   ├── StoreMissingError        4  404
    │   └── StoreCorruptError        1  502
    ├── VaultError                   2  503
    │   ├── KeyMissingError          2  404
    │   └── VaultLockedError         2  503
    ├── JournalError                 4  503   the durable record cannot be written: no release
    ├── LimitError                   4  429   too much at once; come again later
    └── ConfigError                  2  500   settings, a wrong network, foreign code at an address

Messages are for people and carry no identity, UID, key or request body. Adapters raise only these
(``raise ... from error``). Exit codes are the command line's; statuses are the doors' (RFC 9457).
"""

from __future__ import annotations

from typing import ClassVar


class FiduciaError(Exception):
    """The root: catch this to catch every error that fiducia raises on purpose."""

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500

    @property
    def slug(self) -> str:
        """The error's name in kebab-case, the tail of its RFC 9457 type: ``ledger-stale``."""
        name = type(self).__name__.removesuffix("Error")
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class InputError(FiduciaError):
    """What was given is not usable; the message says what to do about it."""

    exit_code = 5
    status = 400


class DicomError(InputError):
    """A file or data set that is not DICOM as PS3.10 and PS3.5 have it, or not storable."""

    status = 422


class EncodingError(InputError):
    """Bytes, JSON or text that do not follow the format they claim."""


class TooLargeError(InputError):
    """More bytes than this door takes in one request."""

    status = 413


class SignatureError(InputError):
    """A signature that is malformed, not canonical, or by somebody else."""

    status = 403


class DeniedError(FiduciaError):
    """Refused by policy.

    Attributes:
        reason: the first check that failed, one of `fiducia.core.policy.Reason`'s names or a
            member's local reason; shown to verified members only.
    """

    exit_code = 3
    status = 403

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or f"refused: {reason}")
        self.reason = reason


class VerificationError(FiduciaError):
    """What was read is not what was promised: never a reason to try again with fewer checks."""

    status = 502


class DigestError(VerificationError):
    """Bytes whose digest is not the one anchored, committed or addressed."""


class ProofError(VerificationError):
    """An inclusion proof, report or signature chain that does not hold."""


class DecryptionError(VerificationError):
    """A container that does not open: another key, another context, altered or cut short."""


class LedgerInconsistencyError(VerificationError):
    """Chain answers that contradict each other or the rules."""


class LedgerError(FiduciaError):
    """The chain could not be asked or did not do it."""

    exit_code = 4
    status = 503


class LedgerUnreachableError(LedgerError):
    """No endpoint answered in time."""


class LedgerStaleError(LedgerError):
    """The chain's head is older, or younger, than this machine's clock allows."""


class LedgerNotFinalError(LedgerError):
    """A transaction was sent and is not final yet; the same command finishes it later."""


class UnexpectedRevertError(LedgerError):
    """A contract refused for a reason that no rule of ours predicted."""

    status = 502


class StoreError(FiduciaError):
    """The object store could not be asked or did not do it."""

    exit_code = 4
    status = 503


class StoreMissingError(StoreError):
    """The object, or part of it, is not there (or came short)."""

    status = 404


class StoreCorruptError(StoreError):
    """The store answered with other bytes, more bytes or another address."""

    exit_code = 1
    status = 502


class VaultError(FiduciaError):
    """Keys could not be reached."""

    exit_code = 2
    status = 503


class KeyMissingError(VaultError):
    """No such key here: never dealt, or destroyed."""

    status = 404


class VaultLockedError(VaultError):
    """The key-encryption key is missing, wrong, or its file is open to others."""


class JournalError(FiduciaError):
    """The durable record of acts cannot be written or read: fail closed."""

    exit_code = 4
    status = 503


class LimitError(FiduciaError):
    """More than this door takes at once; come again later."""

    exit_code = 4
    status = 429


class ConfigError(FiduciaError):
    """Settings that do not fit the world: unknown network, other code at an address, bad value."""

    exit_code = 2
    status = 500
