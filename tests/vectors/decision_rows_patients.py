"""Rows about who acts for the patient: own access, passkeys, representatives, a signer that gave way to another.

A representative is appointed at `now` and begins 100 seconds later: that is the appointment delay of the table's
world.
"""

from __future__ import annotations

from collections.abc import Iterator

from fiducia.core.policy import Reason
from fiducia.core.rules import Action, Purpose
from tests.vectors.decision_row import DAY, EIGHT_HOURS, HOUR, Changes, Row


def patients_rows() -> Iterator[Row]:
    """Every row about who acts for the patient."""
    yield from _own()
    yield from _passkeys()
    yield from _representatives()
    yield from _their_grants()
    yield from _rotated()


def _no(name: str, reason: Reason, changes: Changes) -> Row:
    return Row(name, changes, reason)


def _own() -> Iterator[Row]:
    def ok(name: str, changes: Changes | None = None, lapse: int = HOUR) -> Row:
        return Row(f"own: {name}", changes or {}, Reason.NONE, lapse, own=True)

    def no(name: str, reason: Reason, changes: Changes) -> Row:
        return Row(f"own: {name}", changes, reason, own=True)

    yield ok("nothing changed")
    yield ok("lapse after eight hours", {"request.not_after": 2 * DAY}, lapse=EIGHT_HOURS)
    yield no("signed by a stranger in the patient's name", Reason.REQUEST_SIGNATURE, {"request.signed_by": "stranger"})
    yield no("signed with a high s", Reason.REQUEST_SIGNATURE, {"request.signed_by": "malleated"})
    yield no("with a badge", Reason.REQUEST_SIGNATURE, {"approval.credential": "badge"})
    yield no("names a person", Reason.PERSON_MISMATCH, {"request.person": "clinician"})
    yield ok("request's last second", {"request.not_after": 100, "at": 99}, lapse=100)
    yield no("request's end", Reason.REQUEST_WINDOW, {"request.not_after": 100, "at": 100})
    yield no("unknown study", Reason.STUDY_UNKNOWN, {"request.study": "unknown"})
    yield no("revision 0", Reason.REVISION_UNKNOWN, {"request.revision": 0})
    yield no("a revision to come", Reason.REVISION_UNKNOWN, {"request.revision": 2})
    yield no("withdrawn revision", Reason.REVISION_WITHDRAWN, {"revision.withdrawn": 1})
    yield no("study withdrawn", Reason.STUDY_WITHDRAWN, {"study.withdrawn": "yes"})
    yield no("study erased", Reason.STUDY_ERASED, {"study.erased": "yes"})
    yield no("names a grant", Reason.GRANT_MISMATCH, {"request.grant": "default"})
    yield no("a stranger asks", Reason.OWN_SIGNER, {"approval.signer": "stranger"})
    yield no("another patient asks", Reason.OWN_SIGNER, {"approval.signer": "other_patient"})
    yield no("the registrar asks", Reason.OWN_SIGNER, {"approval.signer": "custodian_registrar"})
    for purpose in Purpose:
        changes: Changes = {"request.purpose": purpose.value}
        allowed = purpose in (Purpose.PATRQT, Purpose.FAMRQT)
        yield ok(purpose.name, changes) if allowed else no(purpose.name, Reason.OWN_PURPOSE, changes)
    yield no("purpose 255", Reason.OWN_PURPOSE, {"request.purpose": 255})
    for action in Action:
        yield ok(action.name, {"request.action": action.value})
    for position in (5, 32, 255):
        yield no(f"action {position}", Reason.ACTION_NOT_GRANTED, {"request.action": position})
    yield ok("restriction does not block", {"subject.restricted": "yes"})
    yield ok("everything revoked before", {"grants.revoked": "yes"})
    yield ok("custodian suspended", {"custodian.suspended": "yes"})
    yield ok("no exports", {"custodian.exports": 0})
    yield no("signer before purpose", Reason.OWN_SIGNER, {"approval.signer": "stranger", "request.purpose": 0})
    yield no("purpose before action", Reason.OWN_PURPOSE, {"request.purpose": 0, "request.action": 9})


def _passkeys() -> Iterator[Row]:
    """The patient's signer is a passkey."""
    passkey: Changes = {"subject.passkey": "yes"}

    def row(name: str, reason: Reason, changes: Changes | None = None, lapse: int = 0) -> Row:
        return Row(f"own passkey: {name}", {**passkey, **(changes or {})}, reason, lapse, own=True)

    yield Row("a passkey's grant", passkey, Reason.NONE, HOUR)
    yield _no("a passkey's revoke", Reason.GRANT_REVOKED, {**passkey, "grant.revoked": "yes"})
    yield row("nothing changed", Reason.NONE, lapse=HOUR)
    yield row("lapse after eight hours", Reason.NONE, {"request.not_after": 2 * DAY}, lapse=EIGHT_HOURS)
    for how in (
        "unverified",
        "absent",
        "other_party",
        "other_challenge",
        "registration",
        "malleated",
        "longer",
        "other_passkey",
        "stranger",
    ):
        yield row(f"signature {how}", Reason.REQUEST_SIGNATURE, {"request.signed_by": how})
    yield row("with a badge", Reason.REQUEST_SIGNATURE, {"approval.credential": "badge"})
    yield row("another verifier", Reason.REQUEST_SIGNATURE, {"approval.signer": "other_verifier"})
    yield row("another passkey asks", Reason.OWN_SIGNER, {"approval.signer": "other_passkey"})
    yield row("names a person", Reason.PERSON_MISMATCH, {"request.person": "clinician"})
    yield row("purpose 255", Reason.OWN_PURPOSE, {"request.purpose": 255})
    yield row(
        "signature before person",
        Reason.REQUEST_SIGNATURE,
        {"request.signed_by": "unverified", "request.person": "clinician"},
    )


_GRANT, _ACCESS = 1, 2
_APPOINTED: Changes = {"representative": "yes", "approval.signer": "representative", "at": 100}


def _representatives() -> Iterator[Row]:
    def ok(name: str, changes: Changes | None = None, lapse: int = HOUR) -> Row:
        return Row(f"own by a representative: {name}", {**_APPOINTED, **(changes or {})}, Reason.NONE, lapse, own=True)

    def no(name: str, reason: Reason, changes: Changes) -> Row:
        return Row(f"own by a representative: {name}", {**_APPOINTED, **changes}, reason, own=True)

    yield ok("its first second")
    yield no("a second before", Reason.OWN_SIGNER, {"at": 99})
    yield ok("with ACCESS alone", {"representative.powers": _ACCESS})
    yield no("with GRANT alone", Reason.OWN_SIGNER, {"representative.powers": _GRANT})
    yield no("without a power", Reason.OWN_SIGNER, {"representative.powers": 0})
    yield ok("FAMRQT", {"request.purpose": Purpose.FAMRQT.value})
    only: Changes = {"representative.purposes": 1 << Purpose.FAMRQT}
    yield ok("FAMRQT alone", {**only, "request.purpose": Purpose.FAMRQT.value})
    yield no("PATRQT beyond its purposes", Reason.OWN_PURPOSE, only)
    yield no("no purpose", Reason.OWN_PURPOSE, {"representative.purposes": 0})
    treats: Changes = {"representative.purposes": 1 << Purpose.TREAT, "request.purpose": Purpose.TREAT.value}
    yield no("TREAT is no purpose of own access", Reason.OWN_PURPOSE, treats)
    yield ok("its last second, lapse with it", {"representative.not_after": 200, "at": 199}, lapse=200)
    yield ok("its end after the request's", {"representative.not_after": HOUR + 1}, lapse=HOUR)
    yield no("its end", Reason.OWN_SIGNER, {"representative.not_after": 200, "at": 200})
    yield no("vetoed", Reason.OWN_SIGNER, {"representative": "vetoed"})
    yield no("dismissed", Reason.OWN_SIGNER, {"representative": "dismissed"})
    yield no("another one asks", Reason.OWN_SIGNER, {"approval.signer": "other_representative"})
    yield no("signed by a stranger in its name", Reason.REQUEST_SIGNATURE, {"request.signed_by": "stranger"})
    yield ok("restriction does not block", {"subject.restricted": "yes"})
    yield ok("everything revoked before", {"grants.revoked": "yes"})
    yield ok("after the patient's signer changed", {"subject.rotated": "yes"})
    yield ok("the patient asks beside it", {"approval.signer": "patient", "representative.powers": 0})
    yield no(
        "signer before purpose", Reason.OWN_SIGNER, {"representative.powers": _GRANT, "representative.purposes": 0}
    )


def _their_grants() -> Iterator[Row]:
    """A representative gives the grant, in its first second."""
    given: Changes = {"representative": "yes", "grant.by": "representative", "grant.at": 100, "at": 100}
    ends: Changes = {"representative.not_after": 200}
    yield Row("given by a representative", given, Reason.NONE, HOUR)
    yield Row("given by one with GRANT alone", {**given, "representative.powers": _GRANT}, Reason.NONE, HOUR)
    yield Row("the representative's last second", {**given, **ends, "at": 199}, Reason.NONE, 200)
    yield _no("the representative's end", Reason.GRANT_EXPIRED, {**given, **ends, "at": 200})
    yield _no("the representative dismissed", Reason.GRANT_EPOCH, {**given, "representative": "dismissed"})
    yield _no("revoked by a representative", Reason.GRANT_REVOKED, {**given, "grant.revoked": "representative"})
    yield _no("given by a representative, restricted", Reason.RESTRICTED, {**given, "subject.restricted": "yes"})
    yield Row("given by the patient, dismissed beside it", {"representative": "vetoed"}, Reason.NONE, HOUR)


def _rotated() -> Iterator[Row]:
    rotated: Changes = {"subject.rotated": "yes"}
    new: Changes = {**rotated, "approval.signer": "new_signer"}
    yield Row("given before the patient's signer changed", rotated, Reason.NONE, HOUR)
    yield Row("own: the new signer asks", new, Reason.NONE, HOUR, own=True)
    yield Row(
        "own: the new signer, lapse after eight hours",
        {**new, "request.not_after": DAY},
        Reason.NONE,
        EIGHT_HOURS,
        own=True,
    )
    yield Row("own: a former signer asks", rotated, Reason.OWN_SIGNER, own=True)
