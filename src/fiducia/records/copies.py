"""What copies of a home are made of, who can open them, and what verifying and restoring found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Change:
    """One step towards a part's present content. Applied in order to an empty part, they give the content back.

    Attributes:
        source: the part, such as "vault/hospital-a".
        verb: what to do there; the part's own word.
        body: with what, in the part's own form; may hold secrets, so it never shows.
    """

    source: str
    verb: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contents:
    """A segment's signed table of contents: what can be checked without the recovery key.

    Attributes:
        home_id: 16 bytes; which home it is a copy of.
        base: whether it is a whole copy; else it holds what was acknowledged after one.
        number: of its kind, from 1.
        since: the last increment before a base was begun: those after it complete it. An increment's is number - 1.
        previous: SHA-256 of that increment's table of contents; zeros when there is none.
        at: when it was begun (UTC Unix seconds).
        expires_at: from when on it may not be kept.
        recovery: SHA-256 of the recovery public key.
        sealed_key: the segment's key, sealed to that.
        sealed_bytes: length of the sealed changes.
        digest: their SHA-256.
        counts: how many changes of each source.
    """

    home_id: bytes
    base: bool
    number: int
    since: int
    previous: bytes
    at: int
    expires_at: int
    recovery: bytes
    sealed_key: bytes
    sealed_bytes: int
    digest: bytes
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """How far copies at a second place reach, as the home that wrote them knows.

    Attributes:
        base: the newest whole copy's number; 0 when there is none.
        number: the newest increment's; 0 when there is none.
        digest: SHA-256 of that increment's table of contents; zeros when there is none.
    """

    base: int
    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class RecoveryShare:
    """One of n shares of the recovery key's seed, and whose signature copies of the home bear.

    Attributes:
        home_id: 16 bytes.
        index: which share, from 1.
        threshold: how many open a copy.
        holders: how many there are.
        share: 32 bytes; never shown.
        recovery: SHA-256 of the recovery public key.
        signer: the Ed25519 public key (32 bytes) that signs the home's copies.
    """

    home_id: bytes
    index: int
    threshold: int
    holders: int
    share: bytes = field(repr=False)
    recovery: bytes = b""
    signer: bytes = b""


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """What a home keeps of its recovery key: nothing that opens a copy.

    Attributes:
        home_id: 16 bytes, drawn with the key.
        public: what copies are sealed to.
        signer: the Ed25519 public key that signs them; its private half is in the home's vault, and so in each copy.
        threshold: how many shares open a copy.
        holders: how many there are.
    """

    home_id: bytes
    public: bytes = field(repr=False)
    signer: bytes = b""
    threshold: int = 1
    holders: int = 1


@dataclass(frozen=True, slots=True)
class VerifiedCopies:
    """What was verified of a second place.

    Attributes:
        bases: whole copies, oldest first.
        increments: how many segments with what was acknowledged since the newest one.
        changes: how many changes were opened; 0 without shares.
        opened: whether the recovery key opened everything.
        held_until: when the last segment that is there now expires.
    """

    bases: tuple[Contents, ...]
    increments: int
    changes: int
    opened: bool
    held_until: int

    @property
    def newest(self) -> Contents:
        """The whole copy that a restore begins with."""
        return self.bases[-1]


@dataclass(frozen=True, slots=True)
class RestoredHome:
    """What a restore put into an empty home: the base's time, how much came after it, and what of which part."""

    at: int
    increments: int
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a restored member made good before it let anything leave.

    Attributes:
        block_number: the final block that it had caught up with.
        erased_studies: how many erased studies had shares in the copy.
        destroyed: how many shares of theirs were destroyed again.
        revoked_grants: how many grants its copy of the ledger shows as revoked.
    """

    block_number: int
    erased_studies: int
    destroyed: int
    revoked_grants: int


@dataclass(frozen=True, slots=True)
class Canary:
    """A study that was opened out of a copy: nothing of it was kept.

    Attributes:
        opened: whether enough shares were in the copy; if not, those that are were compared with the custody document.
        shares: how many shares of its keys were in the copy.
    """

    study_id: bytes
    revision: int
    series: int
    instances: int
    shares: int
    opened: bool
