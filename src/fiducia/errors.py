"""Every way fiducia says no, in one tree, each with its exit code and HTTP status.

    FiduciaError                     1  500
    ├── InputError                   5  400   what was given is wrong; says what to do
    │   ├── DicomError               5  422
    │   ├── EncodingError            5  400
    │   ├── NotThereError            5  404   or not for this person to know of
    │   ├── TooLargeError            5  413
    │   ├── LogConflictError         5  409   a checkpoint does not follow the newest one; `.size` is that one's
    │   └── SignatureError           5  403
    ├── DeniedError                  3  403   refused by policy; `.reason` says why
    ├── VerificationError            1  502   something read is not what was promised
    │   ├── DigestError              1  502
    │   ├── ShareError               1  502   a trustee handed over what it was not dealt
    │   ├── ProofError               1  502
    │   ├── DecryptionError          1  502
    │   └── LedgerInconsistencyError 1  502
    │       └── SequenceGapError     1  502
    ├── LedgerError                  4  503
    │   ├── LedgerUnreachableError   4  503
    │   ├── LedgerStaleError         4  503
    │   ├── LedgerNotFinalError      4  503
    │   ├── NotCaughtUpError         4  503   restored, and not yet where the chain is: nothing leaves
    │   └── UnexpectedRevertError    4  502
    ├── StoreError                   4  503
    │   ├── StoreMissingError        4  404
    │   └── StoreCorruptError        1  502
    ├── VaultError                   2  503
    │   ├── KeyMissingError          2  404
    │   ├── VaultLockedError         2  503
    │   └── BackupError              2  503   the second place cannot be read or written
    ├── TrusteeError                 4  503   fewer trustees than it takes answered
    ├── JournalError                 4  503   the durable record cannot be written: no release
    ├── ProviderError                4  503   the hospital's OpenID provider could not be asked
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


class NotThereError(InputError):
    """Nothing of that name, or nothing that this person may know of: the two are told alike."""

    status = 404


class TooLargeError(InputError):
    """More bytes than this door takes in one request."""

    status = 413


class LogConflictError(InputError):
    """A checkpoint that does not follow the newest one that is known of its log.

    Attributes:
        size: the newest one's number of leaves.
    """

    status = 409

    def __init__(self, message: str = "", size: int = 0) -> None:
        super().__init__(message or "another checkpoint of that log is known: begin from its size")
        self.size = size


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


class ShareError(VerificationError):
    """A trustee handed over what it was not dealt, or not for this request; the message names it."""


class ProofError(VerificationError):
    """An inclusion proof, report or signature chain that does not hold."""


class DecryptionError(VerificationError):
    """A container that does not open: another key, another context, altered or cut short."""


class LedgerInconsistencyError(VerificationError):
    """Chain answers that contradict each other or the rules."""


class SequenceGapError(LedgerInconsistencyError):
    """A number that rises by one on the chain rose by more, or not at all: something is missing, or invented."""


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


class NotCaughtUpError(LedgerError):
    """Restored from a copy, and not yet caught up with the chain: it knows of no revoke or erasure since."""


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


class BackupError(VaultError):
    """The second place cannot be read or written: what was to be in both places is not acknowledged."""


class TrusteeError(FiduciaError):
    """Fewer trustees than it takes answered; the message says which did not, and why. Try again later."""

    exit_code = 4
    status = 503


class JournalError(FiduciaError):
    """The durable record of acts cannot be written or read: fail closed."""

    exit_code = 4
    status = 503


class ProviderError(FiduciaError):
    """An OpenID provider that does not answer, or not as one does."""

    exit_code = 4
    status = 503


class LimitError(FiduciaError):
    """More than this door takes at once; come again later, where it is known after `retry_after_s` seconds."""

    exit_code = 4
    status = 429

    def __init__(self, detail: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ConfigError(FiduciaError):
    """Settings that do not fit the world: unknown network, other code at an address, bad value."""

    exit_code = 2
    status = 500
