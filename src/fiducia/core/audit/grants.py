"""Grants' events again: the rules that the contract checks when a grant is given, and who could have ended one."""

from __future__ import annotations

from collections.abc import Iterator

from fiducia.core import ids, rules
from fiducia.core.audit import standing
from fiducia.core.finding import Finding, found_in
from fiducia.core.replay import State
from fiducia.core.rules import Basis, BasisRule, Power
from fiducia.records.events import GrantGiven, GrantRevoked, LedgerEvent
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Grant


def judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    """Yield what a grants' event shows."""
    if isinstance(event, GrantGiven):
        for code, detail in _given(state, event):
            yield found_in(event, code, detail, about=event.grant_id, subject=event.grant.subject)
    elif isinstance(event, GrantRevoked) and not _could_revoke(state, event):
        detail = "whoever is named could not have signed it"
        yield found_in(event, "UNAUTHORISED_REVOKE", detail, about=event.grant_id, subject=event.subject)


def _given(state: State, event: GrantGiven) -> Iterator[tuple[str, str]]:
    rule = rules.basis_rule(event.grant.basis)
    if rule is None:
        yield "GRANT_BASIS", f"{event.grant.basis} is no basis"
        return
    yield from _terms(event, rule)
    if rule.basis is Basis.CONSENT:
        yield from _by_patient(state, event)
    else:
        yield from _by_staff(state, event, rule)


def _terms(event: GrantGiven, rule: BasisRule) -> Iterator[tuple[str, str]]:
    """The rules that the terms alone break."""
    grant = event.grant
    if not grant.purposes or grant.purposes & ~rule.purposes:
        yield "GRANT_PURPOSES", f"purposes that {rule.basis.name} does not allow, or none"
    if not grant.actions or grant.actions & ~rules.ALL_ACTIONS:
        yield "GRANT_ACTIONS", "unknown actions, or none"
    if ids.institution_of(grant.grantee) == 0:
        yield "GRANT_GRANTEE", "the grantee names no institution"
    is_emergency = rule.basis is Basis.EMERGENCY
    taken_until = grant.not_before + rules.REVIEW_WITHIN_S if is_emergency else grant.not_after
    over = not grant.not_before < grant.not_after or event.time_at >= taken_until
    ahead = is_emergency and grant.not_before > event.time_at + rules.EMERGENCY_AHEAD_S
    if over or ahead or grant.not_after - grant.not_before > rule.max_s:
        yield "GRANT_WINDOW", f"empty, over, not yet begun, or longer than the {rule.max_s} s of {rule.basis.name}"
    if event.time_at >= grant.relay_by:
        yield "GRANT_LATE", "carried to the chain after the time that its signer allowed"


def _by_patient(state: State, event: GrantGiven) -> Iterator[tuple[str, str]]:
    """Was there a signer, or a representative, who could give so much for so long?"""
    grant = event.grant
    entry = state.subject(grant.subject)
    signs = entry is not None and entry.signer_index > 0
    if signs and event.expiry_at == grant.not_after:
        return
    represented = [each for each in state.representatives(grant.subject, event.time_at) if each.may(Power.GRANT)]
    wide_enough = [each for each in represented if not grant.purposes & ~each.purposes]
    if not signs and not represented:
        yield "UNAUTHORISED_GRANT", "the patient had neither a signer nor a representative with GRANT"
    elif not signs and not wide_enough:
        yield "GRANT_PURPOSES", "purposes that no representative had"
    elif event.expiry_at not in {min(grant.not_after, each.not_after) for each in wide_enough}:
        yield "GRANT_EXPIRY", "stored with another end than the power behind it gives"


def _by_staff(state: State, event: GrantGiven, rule: BasisRule) -> Iterator[tuple[str, str]]:
    """Could staff of the custodian, or of the requester in an emergency, have had badges?"""
    grant = event.grant
    if event.expiry_at != grant.not_after:
        yield "GRANT_EXPIRY", "stored with another end than its terms have"
    if rule.basis is Basis.PAPER and not any(grant.terms):
        yield "GRANT_DOCUMENT", "names no document"
    institution = _approving(state, grant, rule.basis)
    is_over = rule.basis is Basis.EMERGENCY and event.time_at >= grant.not_after
    at = grant.not_before if is_over else event.time_at
    if not standing.acts(state, institution, KeyKind.ISSUER, at):
        yield "UNAUTHORISED_GRANT", f"member {institution} had no live ISSUER key, or was suspended"
    if rule.basis is Basis.EMERGENCY and not is_over and state.overdue_review(institution, event.time_at) is not None:
        yield "EMERGENCY_BARRED", f"member {institution} owed a review that was overdue"


def _approving(state: State, grant: Grant, basis: Basis) -> int:
    if basis is Basis.EMERGENCY:
        return ids.institution_of(grant.grantee)
    entry = state.subject(grant.subject)
    return entry.custodian if entry else 0


def _could_revoke(state: State, event: GrantRevoked) -> bool:
    """Whether `by` is on the patient's side, a registrar, the grantee, or of the grantee's or the custodian's staff.

    Of a grant that was never carried only the subject is known: then any institution may be the grantee's.
    """
    entry = state.grant(event.grant_id)
    subject, at = state.subject(event.subject), event.time_at
    if subject is None or standing.takes_away(state, event.subject, event.by, at):
        return True
    institution = ids.institution_of(event.by)
    grantees = ids.institution_of(entry.grant.grantee) if entry and entry.grant else institution
    return institution in (grantees, subject.custodian) and standing.staff_of(state, event.by, institution, at)
