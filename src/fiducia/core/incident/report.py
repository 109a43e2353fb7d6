"""One report of an incident: effects, containment, deadlines, and the patients to be told, by pseudonym.

Deadlines: GDPR Art. 33(1) and 34(1), 45 CFR 164.404, 164.406 and 164.408. Whether a duty exists is for people to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fiducia.core.answers import Answers
from fiducia.core.incident.affected import Effects
from fiducia.core.incident.effects import Search
from fiducia.core.incident.exposure import Exposure
from fiducia.core.incident.steps import Step, contain
from fiducia.core.keys.custody import CustodyRule
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import Head

HOUR_S, DAY_S = 3600, 86_400
MANY = 500
"""From so many patients on, HIPAA has media and the Secretary told at once."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Whom to tell, by which rule, until when (UTC Unix seconds); 0: without undue delay."""

    rule: str
    whom: str
    until: int


@dataclass(frozen=True, slots=True)
class AffectedPatient:
    """A patient to be told: pseudonym, present custodian, the studies that are affected, and why."""

    subject: bytes
    custodian: int
    studies: tuple[bytes, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """What an incident means, by the ledger up to `head`."""

    exposure: Exposure
    since: int
    detected_at: int
    head: Head
    effects: Effects
    patients: tuple[AffectedPatient, ...]
    containment: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    notes: tuple[str, ...]

    @property
    def studies(self) -> tuple[bytes, ...]:
        """Every study that is affected, once."""
        return tuple(dict.fromkeys(study for each in self.patients for study in each.studies))

    def patients_of(self, custodian: int) -> tuple[AffectedPatient, ...]:
        """Return those whom one hospital tells."""
        return tuple(each for each in self.patients if each.custodian == custodian)


def incident_report(
    state: Answers,
    exposure: Exposure,
    *,
    since: int,
    detected_at: int,
    journal: Sequence[JournalEntry] = (),
    custodies: Mapping[bytes, tuple[CustodyRule, ...]] | None = None,
    names: Mapping[int, str] | None = None,
) -> IncidentReport:
    """Return the report.

    Args:
        state: the replayed ledger.
        exposure: what somebody else has.
        since: since when, UTC Unix seconds.
        detected_at: when it was detected, from which deadlines run.
        journal: entries of the kinds in `effects.JOURNALLED`.
        custodies: by which each study is dealt; one that is missing counts as open.
        names: institutions' profiles.
    """
    effects = Search(state, exposure, since, journal, custodies or {}).run()
    patients = _patients(state, exposure, effects)
    return IncidentReport(
        exposure=exposure,
        since=since,
        detected_at=detected_at,
        head=state.head,
        effects=effects,
        patients=patients,
        containment=contain(state, exposure, effects, names or {}),
        deadlines=deadlines(detected_at, len(patients)),
        notes=tuple(_notes(exposure, effects)),
    )


def deadlines(detected_at: int, patients: int) -> tuple[Deadline, ...]:
    """Return until when whom to tell, from the detection on; none where no patient is affected."""
    if not patients:
        return ()
    at_most = detected_at + 60 * DAY_S
    many = patients >= MANY
    return (
        Deadline(
            "GDPR Art. 33(1)",
            "supervisory authority, unless a risk to the patients is unlikely",
            detected_at + 72 * HOUR_S,
        ),
        Deadline("GDPR Art. 34(1)", "the patients, where the risk to them is likely high", 0),
        Deadline("HIPAA 164.404(b)", "the patients, without unreasonable delay and at the latest", at_most),
        Deadline(
            "HIPAA 164.406, 164.408(b)" if many else "HIPAA 164.408(c)",
            "the Secretary, and the media of a state with more than 500 of them"
            if many
            else "the Secretary, as fewer than 500 patients are affected",
            at_most if many else _year_end(detected_at) + 60 * DAY_S,
        ),
    )


def _year_end(at: int) -> int:
    """The end of a time's calendar year, UTC."""
    year = datetime.fromtimestamp(at, UTC).year
    return int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())


def _notes(exposure: Exposure, effects: Effects) -> Iterator[str]:
    """What the report cannot know, or commands cannot do."""
    if exposure.keys or exposure.governors:
        yield "the ledger does not say which key signed: everything of the institution's since then is listed"
    if exposure.homes:
        yield (
            "no command changes a key-encryption key: make a new home under a new one, and count as read whatever lay"
            " under the old one, copies and journals too"
        )
    if effects.sealed_before:
        yield (
            f"{effects.sealed_before} earlier releases were sealed to this gateway key: whoever recorded them on their"
            " way opens them, too; a report with an earlier --since lists them"
        )
    if any(not share.threshold for share in effects.shares):
        yield "custody documents could not be read: those studies count as open"


def _patients(state: Answers, exposure: Exposure, effects: Effects) -> tuple[AffectedPatient, ...]:
    """Everybody whose images, identity or decisions may be in other hands, in the order of their enrolment."""
    studies: dict[bytes, dict[bytes, None]] = {}
    why: dict[bytes, dict[str, None]] = {}

    def note(subject: bytes, reason: str, study_id: bytes = b"") -> None:
        why.setdefault(subject, {})[reason] = None
        found = studies.setdefault(subject, {})
        if study_id:
            found[study_id] = None

    for release in effects.releases:
        note(release.subject, "RELEASED", release.study_id)
    for share in effects.shares:
        if share.opens:
            note(share.subject, "KEYS", share.study_id)
    for anchor in effects.anchors:
        note(anchor.subject, "ANCHORED", anchor.study_id)
    for grant in effects.grants:
        note(grant.subject, "GRANTED")
    for subject in effects.enrolments:
        note(subject, "ENROLLED")
    for appointed in effects.appointments:
        note(appointed.subject, "REPRESENTED")
    for subject in effects.recoveries:
        note(subject, "RECOVERY")
    for look_up in effects.look_ups:
        note(look_up.subject, "LOOKED_UP")
    for subject in effects.directory:
        note(subject, "IDENTITY")
    return tuple(
        AffectedPatient(entry.subject, entry.custodian, tuple(studies[entry.subject]), tuple(why[entry.subject]))
        for entry in state.subjects()
        if entry.subject in why
    )
