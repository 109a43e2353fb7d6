"""What every contract in miniature can ask: the state at the newest block, who signed, and whose badge stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fiducia.core import badges, ids
from fiducia.core.approvals import require_approved
from fiducia.core.entries import Authority, Member, Study, Subject
from fiducia.core.refusals import refusal
from fiducia.core.replay import State
from fiducia.core.signatures import recover, verify
from fiducia.core.typed_data import Domains, Struct
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Approval, Badge

Draft = Callable[..., LedgerEvent]
"""An event that lacks only its place in the chain."""

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Chain:
    """The contracts' storage, the block's time (UTC Unix seconds) in which an act is carried, the delays, the past."""

    domains: Domains
    state: State
    now: int
    appointment_delay_s: int = 2 * DAY_S
    recovery_delay_s: int = 7 * DAY_S
    past: Sequence[LedgerEvent] = ()

    def newest(self, kinds: tuple[type[LedgerEvent], ...], **named: object) -> LedgerEvent | None:
        """Return the newest event of some kinds that names these things, or None.

        The chain adapter looks for it where storage cannot tell whether an act was carried before.
        """
        for event in reversed(self.past):
            if isinstance(event, kinds) and all(getattr(event, name) == value for name, value in named.items()):
                return event
        return None

    # -- who signed

    def require_signed(self, struct: Struct, signature: bytes, address: bytes) -> None:
        """Return when `address` signed `struct`. Raises: SignatureError."""
        verify(self.domains.digest(struct), signature, address)

    def require_approved(self, struct: Struct, approval: Approval) -> bytes:
        """Return the signer's hash when it signed `struct`. Raises: SignatureError."""
        require_approved(self.domains, self.domains.digest(struct), approval.signer, approval.signature)
        return ids.signer_hash(approval.signer)

    # -- registrars

    def require_registrar(self, custodian: int, struct: Struct, signature: bytes) -> None:
        """Return when a live REGISTRAR key of an active custodian signed. Raises: SignatureError."""
        registrar = ids.signer_hash(recover(self.domains.digest(struct), signature))
        member = self.state.member(custodian)
        if member is None or not member.active or not self.is_registrar(custodian, registrar):
            raise refusal("KeyNotLive", institution=custodian)

    def is_registrar(self, custodian: int, key_hash: bytes) -> bool:
        """Tell whether a REGISTRAR key is live, its institution active or not: enough to take access away."""
        return self.now < self.state.key_end(custodian, KeyKind.REGISTRAR, key_hash)

    # -- the patient's side

    def authority(self, subject: bytes, approval: Approval) -> Authority:
        """Return what whoever approved may do for a subject now; nothing with a badge."""
        if approval.credential is not None:
            return Authority()
        return self.state.authority(subject, ids.signer_hash(approval.signer), self.now)

    # -- staff

    def require_staff(
        self, struct: Struct, approval: Approval, *, gives_more: bool = True, at: int | None = None
    ) -> Badge:
        """Return the badge that stands behind an approval.

        Args:
            struct: what was approved.
            approval: with a badge.
            gives_more: whether it gives more access (see `core.badges`).
            at: when the badge must stand, UTC Unix seconds; default: now.

        Raises:
            SignatureError: malformed, by somebody else than the badge's session, or the badge does not stand.
        """
        self.require_approved(struct, approval)
        signed = approval.credential
        then = self.now if at is None else at
        if signed is None or not badges.stands(
            self.domains, self.state, signed, approval.signer, then, gives_more=gives_more
        ):
            raise refusal("NoStanding")
        return signed.badge

    def require_officer(self, institution: int, struct: Struct, approval: Approval) -> Badge:
        """Return the badge of an OFFICER of an institution that gives more access. Raises: SignatureError."""
        badge = self.require_staff(struct, approval)
        if badge.institution != institution or not badges.is_officer(badge):
            raise refusal("NoStanding")
        return badge

    def require_officer_and_colleague(
        self, institution: int, struct: Struct, approvals: Sequence[Approval]
    ) -> tuple[Badge, Badge]:
        """Return the badges of two different staff of an institution, one of them an OFFICER. Raises: InputError."""
        first, second = (self.require_staff(struct, approval) for approval in approvals)
        if {first.institution, second.institution} != {institution} or first.person == second.person:
            raise refusal("NoStanding")
        if not badges.is_officer(first) and not badges.is_officer(second):
            raise refusal("NoStanding")
        return first, second

    # -- what there is

    def subject(self, subject: bytes) -> Subject:
        """Return a subject that was enrolled. Raises: InputError."""
        entry = self.state.subject(subject)
        if entry is None:
            raise refusal("SubjectUnknown")
        return entry

    def study(self, study_id: bytes) -> Study:
        """Return a study that was anchored. Raises: InputError."""
        study = self.state.study(study_id)
        if study is None:
            raise refusal("StudyUnknown")
        return study

    def member(self, institution: int) -> Member:
        """Return an institution that was admitted. Raises: InputError."""
        member = self.state.member(institution)
        if member is None:
            raise refusal("InstitutionUnknown", institution=institution)
        return member


def require_serial(entry: Subject, given: int) -> None:
    """Return when an act names the subject's serial. Raises: InputError."""
    if given != entry.serial:
        raise refusal("SerialMismatch", current=entry.serial, given=given)
