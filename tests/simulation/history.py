"""What happened in one simulated world, as seen from outside: on the chain, on disks, on wires and at people's hands.

Nothing here is the word of the code that is tested. Every record has its place in the one order of all that happened
(`at`), and the true time (UTC Unix seconds). What takes a while has where and when it began, too: two things that
overlap may have happened in either order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import RestrictAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import StaffAccess

Files = tuple[tuple[str, bytes], ...]
"""Instances as somebody gave or found them: the series' UID and the SHA-256 of the file, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Anything."""

    at: int
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting(Happened):
    """Anything that took a while; `at` and `time` are its end."""

    began: int
    began_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Happened):
    """The chain has a new block."""

    number: int
    time_at: int
    events: tuple[LedgerEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Happened):
    """A hospital was told to register these files as a study: all that it has of it."""

    custodian: int
    uid: str
    files: Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Happened):
    """It said that they are registered."""

    custodian: int
    uid: str
    study_id: bytes
    revision: int
    files: Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered(Happened):
    """The hospital's directory calls a study so; its series have these numbers, and t trustees open it."""

    uid: str
    study_id: bytes
    series: tuple[tuple[int, str], ...]
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased(Happened):
    """A hospital said that a study is erased; so many members had shares of it on their disks then."""

    custodian: int
    study_id: bytes
    holders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled(Happened):
    """An entry is durable in a member's journal, and its leaf is this: not in every run, as what is sealed is not."""

    institution: int
    kind: str
    subject_id: bytes
    leaf: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged(Happened):
    """In the end, these are the leaves of a member's log, in their order."""

    institution: int
    leaves: tuple[bytes, ...] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Lasting):
    """Sealed keys left a trustee, whether they arrived or not."""

    trustee: int
    request_id: bytes
    access: StaffAccess = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Lasting):
    """A broker said that it took a revoke or a restriction."""

    broker: int
    act: RevokeAct | RevokeAllAct | RestrictAct = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Lasting):
    """A person got an instance's bytes out of a gateway; it began when the gateway was last told to ask the ledger.

    Attributes:
        reader: which gateway.
        request_id: under which release; empty where nobody outside can tell.
        read: through the gateway's door (and so in its journal), else fetched to a disk.
    """

    reader: int
    person: bytes
    request_id: bytes
    action: int
    study_id: bytes
    series: int
    digest: bytes
    read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Happened):
    """A fetch's destination shows this to people: all of it at once. `series` is what was asked for, 0 for all."""

    person: bytes
    study_id: bytes
    series: int
    instances: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted(Happened):
    """Somebody did something; `outcome` is "done", "killed", or the error's kind and reason."""

    what: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Happened):
    """From here on nothing goes wrong any more, and everybody finishes what they began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded(Happened):
    """After all had settled, something was tried whose outcome is known.

    Attributes:
        what: "granted" (a fetch of a study that was just granted), "stranger" (a fetch without a grant), "again" (a
            registration that had failed before), "ended" (keys asked for again, of a release under a grant that ended).
        outcome: "done", or the error's kind and reason.
        about: the study, or the grant that ended.
        files: what was shown.
    """

    what: str
    outcome: str
    about: bytes = b""
    files: Files = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited(Happened):
    """After all had settled, an auditor replayed the ledger."""

    findings: tuple[str, ...]


History = list[Happened]
