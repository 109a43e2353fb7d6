"""Breaking the glass: two persons of an institution look a patient up and open the studies at once.

    1. a review of one's own institution is overdue: refused, with the grant that it is about
    2. look the patient ID up at the custodian (where only that is known)
    3. an EMERGENCY grant for the institution, signed by both; the custodian's broker carries it

What opens it owes: a review by an officer within 72 hours (`reviews`), and the patient's notice, at once
(`journeys.patients.notices`); the ledger and the custodian know both by themselves. Source: design sections 5 and 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fiducia.core import ids, rules
from fiducia.core.emergencies import LOOK_UP_MAX_S, identity_digest, require_no_overdue
from fiducia.core.rules import Action, Basis, Purpose
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.journeys.grants.drafting import Every, GrantOrder
from fiducia.journeys.grants.grant import GrantResult, Show
from fiducia.journeys.grants.staff_grants import GiveByStaff
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.shared.subjects import known_subject
from fiducia.ports import Broker, Clock, Entropy, Mirror, Vault
from fiducia.records.images import PatientIdentity
from fiducia.records.ledger import StudyStatus
from fiducia.records.statements import FoundStudy, LookedUp, LookUp, SignedLookUp

BrokerOf = Callable[[int], Broker]
"""An institution's broker by its number; raises ConfigError where there is none."""

ACTIONS = rules.mask(Action.METADATA, Action.VIEW, Action.RETAIN)
HOURS_MAX = 24


@dataclass(frozen=True, slots=True)
class Opened:
    """An emergency that stands: its grant, and the studies that it opens."""

    given: GrantResult
    studies: tuple[FoundStudy, ...]


def require_hours(hours: int) -> None:
    """Raise InputError unless an emergency may last so many hours."""
    if not 1 <= hours <= HOURS_MAX:
        raise InputError(f"an emergency lasts 1 to {HOURS_MAX} hours")


def emergency_order(
    institution: int, subject: bytes, study_id: bytes, hours: int, not_before: int, series: int = 0
) -> GrantOrder:
    """Return what an emergency's two persons decide.

    Args:
        institution: theirs.
        subject: whose studies, 20 bytes.
        study_id: only this study; all of now when empty.
        hours: how long, from `not_before` (UTC Unix seconds) on.
        not_before: when it begins.
        series: only this series of the study; all when 0.
    """
    return GrantOrder(
        study_id=study_id,
        series=series,
        grantee=ids.institution_grantee(institution),
        purposes=rules.mask(Purpose.ETREAT),
        actions=ACTIONS,
        not_after=not_before + hours * 3600,
        not_before=not_before,
        every=None if study_id else Every.UNTIL_NOW,
        subject=subject,
    )


class OpenEmergency:
    """Look up, sign, and open.

    Example:
        ``OpenEmergency(broker_of=broker_of, mirror=mirror, vault=vault, clock=clock, entropy=entropy,
        domains=domains).run((clinician, nurse), subject=subject, hours=8, show=print)``
    """

    def __init__(
        self, *, broker_of: BrokerOf, mirror: Mirror, vault: Vault, clock: Clock, entropy: Entropy, domains: Domains
    ) -> None:
        self._broker_of = broker_of
        self._mirror = mirror
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._domains = domains

    def look_up(self, team: tuple[Approver, Approver], identity: PatientIdentity, custodian: int) -> LookedUp:
        """Ask a custodian which subject a patient ID is.

        Raises:
            DeniedError: UNKNOWN_PATIENT, REVIEW_OVERDUE. SignatureError: not two badges that may.
            LedgerError, LimitError: the custodian's broker does not answer, or not so many.
        """
        salt = self._entropy.token(32)
        look_up = LookUp(custodian, identity_digest(salt, identity), self._clock.now() + LOOK_UP_MAX_S // 2, salt)
        approvals = tuple(each.approve(self._domains, look_up) for each in team)
        return self._broker_of(custodian).look_up(SignedLookUp(look_up, identity, approvals))

    def run(
        self,
        team: tuple[Approver, Approver],
        *,
        subject: bytes,
        study_id: bytes = b"",
        hours: int = HOURS_MAX,
        show: Show = lambda words: None,
    ) -> Opened:
        """Open a patient's studies of now, or one of them, for the team's institution.

        Args:
            team: two different persons of one institution whose roles may use ETREAT.
            subject: whose, 20 bytes.
            study_id: only this study; all when empty.
            hours: how long, at most 24.
            show: gets the words that are signed.

        Raises:
            InputError, SignatureError: the ledger refuses terms or team. DeniedError: REVIEW_OVERDUE.
            LedgerError: not opened yet; the same call finishes it.
        """
        require_hours(hours)
        institution = team[0].institution
        state = self._mirror.catch_up()
        entry = known_subject(state, subject)
        require_no_overdue(state, institution, self._clock.now())
        give = GiveByStaff(
            broker=self._broker_of(entry.custodian),
            mirror=self._mirror,
            vault=self._vault,
            clock=self._clock,
            entropy=self._entropy,
            domains=self._domains,
        )
        # The window begins where the chain's clock is, so that 24 hours are not a second more.
        not_before = min(self._clock.now(), state.head.time_at)
        order = emergency_order(institution, subject, study_id, hours, not_before)
        label = f"{subject.hex()}-{study_id.hex()}-{hours}"
        try:
            given = give.run(order, Basis.EMERGENCY, team, label=label, show=show)
        except InputError:
            # Overdue since: the ledger's refusal names no grant, this one does.
            require_no_overdue(self._mirror.catch_up(), institution, self._clock.now())
            raise
        return Opened(given, self._studies(subject, study_id))

    def _studies(self, subject: bytes, study_id: bytes) -> tuple[FoundStudy, ...]:
        return tuple(
            FoundStudy(study.study_id, study.revision, study.anchored_at)
            for study in self._mirror.state().studies(subject)
            if study.status is StudyStatus.ANCHORED and study_id in (b"", study.study_id)
        )
