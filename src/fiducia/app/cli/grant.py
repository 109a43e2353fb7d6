"""`fiducia grant`: what a patient decides, and takes back."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.consent import read_consent, write_consent
from fiducia.app.cli.views import grant_row, scope_of, standing, visible_grants
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName, Kind, Profile
from fiducia.core import rules
from fiducia.core.signatures import EoaKey
from fiducia.core.wording import describe
from fiducia.errors import InputError, LedgerError
from fiducia.journeys.grant import GrantOrder, GrantResult, Show

DEFAULT_ACTIONS = (rules.Action.VIEW.name, rules.Action.RETAIN.name)

app = noun("grant", "Grants: who may open what, for which purpose, until when.")


@command(app, "give")
def give(
    call: Call,
    study: Annotated[str | None, typer.Option("--study", metavar="ID", help="The study_id.")] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="GRANTEE", help="A profile, a person (0x…) or an institution's number."),
    ] = None,
    purpose: Annotated[
        list[str] | None, typer.Option("--purpose", metavar="PURPOSE", help="Why; repeat for several.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="2030-01-31 (ends that day, UTC) or 2030-01-31T18:00:00Z."),
    ] = None,
    series: Annotated[int | None, typer.Option(min=1, help="Only this series.", show_default=False)] = None,
    action: Annotated[
        list[str] | None,
        typer.Option("--action", metavar="ACTION", help="What with them; repeat. Default: VIEW and RETAIN."),
    ] = None,
    from_fhir: Annotated[
        Path | None,
        typer.Option("--from-fhir", metavar="FILE", help="A FHIR R4 Consent that says all of this instead."),
    ] = None,
) -> None:
    """Sign a grant as a patient, and have the hospital's broker carry it.

    The terms are printed in words, made from exactly the bytes that are signed. The patient pays nothing. Without
    --as the study's own patient signs, where their profile lies in this home. A FHIR Consent decides nothing by itself:
    it is signed like any other grant. Of its extensions, epoch, relay-by, terms and salt are drawn anew where it leaves
    them out; where it has them, they must be those of now.

    \b
    Examples:
      fiducia grant give --study 0x3f… --to clinician --purpose TREAT --until 2030-01-31 --as patient
      fiducia grant give --from-fhir consent.json --as patient
    """
    if from_fhir is not None:
        if any(value is not None for value in (study, to, purpose, until, series, action)):
            raise typer.BadParameter("--from-fhir says it all: give no other option of the grant beside it")
        _give_consent(call, from_fhir)
        return
    if study is None or to is None or purpose is None or until is None:
        raise typer.BadParameter("give --study, --to, --purpose and --until, or --from-fhir")
    grantee = parsing.grantee(to, call.house.profiles())
    order = GrantOrder(
        study_id=parsing.study_id(study),
        series=series or 0,
        grantee=grantee.value,
        purposes=rules.mask(*map(parsing.purpose, purpose)),
        actions=rules.mask(*map(parsing.action, action or DEFAULT_ACTIONS)),
        not_after=parsing.until(until),
        grantee_name=grantee.name,
    )
    if order.not_after <= call.house.clock.now():
        raise InputError("a grant that has ended already opens nothing: give a later --until")
    patient = _patient_of_study(call, order.study_id)
    show, shown = _showing(call)
    given = call.house.give_grant(patient).run(order, _patient_key(patient), show=show)
    _show_given(call, given, shown[0], study_id=order.study_id, series=order.series)


def _give_consent(call: Call, path: Path) -> None:
    """Have the patient sign what a FHIR Consent says."""
    consent = read_consent(path)
    patient = call.profile("patient") if call.acting else _patient_of(call, consent.grant.subject)
    key = _patient_key(patient)
    show, shown = _showing(call)
    given = call.house.give_consent(patient).run(consent, key, subject=patient.subject, show=show)
    _show_given(call, given, shown[0], study_id=consent.study_id, series=consent.series)


def _showing(call: Call) -> tuple[Show, list[str]]:
    """A way to show words before they are signed, and the list that then holds them."""
    shown: list[str] = []

    def show(words: str) -> None:
        shown.append(words)
        if not call.out.as_json:
            call.out.text(words)

    return show, shown


def _show_given(call: Call, given: GrantResult, words: str, *, study_id: bytes, series: int) -> None:
    call.out.facts(
        {
            "grant_id": given.grant_id,
            "subject": given.grant.subject,
            "study_id": study_id or None,
            "series": series or None,
            "grantee": given.grant.grantee,
            "until": utc(given.grant.not_after),
            "terms": given.grant.terms,
            "words": words.splitlines() if call.out.as_json else None,
            "block": given.receipt.head.number,
            "gas": given.receipt.gas_used,
        }
    )


@command(app, "revoke")
def revoke(
    call: Call,
    grant: Annotated[str | None, typer.Argument(metavar="[ID]", help="The grant_id.", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every grant of the patient that you act as.")] = False,
) -> None:
    """Revoke a grant, or all of a patient's grants. It counts from the broker's answer on, also with the chain down.

    \b
    Examples:
      fiducia grant revoke 0x9c… --as patient
      fiducia grant revoke --all --as patient
    """
    if every == (grant is not None):
        raise typer.BadParameter("give a grant_id, or --all")
    facts: dict[str, Any]
    if grant is None:
        profile = call.profile("patient")
        if profile.kind is not Kind.PATIENT or not profile.subject:
            raise InputError("only a patient revokes everything: --as a patient's profile")
        on_chain = call.house.revoke_all(profile).run(profile.subject, _patient_key(profile))
        facts = {"subject": profile.subject}
    else:
        grant_id = parsing.grant_id(grant)
        profile = _patient_of_grant(call, grant_id)
        on_chain = call.house.revoke_grant(profile).run(grant_id, _standing_key(profile))
        facts = {"grant_id": grant_id}
    if not on_chain:
        call.out.say("taken and denied from now on; the broker carries it to the chain")
    call.out.facts(facts | {"revoked": True, "on_chain": on_chain})


@command(app, "list")
def list_grants(
    call: Call,
    every: Annotated[bool, typer.Option("--all", help="Revoked and ended ones, too.")] = False,
) -> None:
    """List the grants that you gave, that are for you, or that your hospital's patients gave.

    \b
    Example:
      fiducia grant list --all --as patient
    """
    profile = call.profile("patient")
    state = call.house.mirror(profile.member or profile.name).catch_up()
    rows = [grant_row(state, entry) for entry in visible_grants(state, profile)]
    call.out.rows(
        [row for row in rows if every or row["state"] in ("live", "waiting")],
        empty="no grant stands here; --all lists revoked and ended ones, too",
    )


@command(app, "show")
def show(
    call: Call,
    grant: Annotated[str, typer.Argument(metavar="ID", help="The grant_id.")],
    fhir: Annotated[bool, typer.Option("--fhir", help="Print it as a FHIR R4 Consent.")] = False,
) -> None:
    """Show a grant's exact terms, and in words.

    \b
    Examples:
      fiducia grant show 0x9c…
      fiducia grant show 0x9c… --fhir > consent.json
    """
    grant_id = parsing.grant_id(grant)
    state = call.house.mirror(call.house.reader(call.acting)).catch_up()
    entry = state.grant(grant_id)
    if entry is None:
        raise InputError("no such grant on this ledger; see `fiducia grant list --all --as auditor`")
    if fhir:
        call.out.document(write_consent(state, entry))
        return
    facts: dict[str, Any] = grant_row(state, entry) | {"subject": entry.subject, "standing": standing(state, entry)}
    if entry.grant is None:
        call.out.facts(facts)
        return
    terms = entry.grant
    study, series = scope_of(state, terms)
    words = describe(terms, study_id=study or b"", series=series)
    facts |= {
        "basis": rules.Basis(terms.basis).name,
        "from": utc(terms.not_before),
        "epoch": terms.epoch,
        "terms": terms.terms,
        "given": utc(entry.given_at) if entry.given_at else None,
        "revoked": utc(entry.revoked_at) if entry.revoked_at else None,
        "releases": sum(event.grant_id == grant_id for event in state.releases()),
        "words": words.splitlines() if call.out.as_json else None,
    }
    call.out.facts(facts | {"study_id": study, "series": series or None})
    if not call.out.as_json:
        call.out.text("\n" + words)


def _patient_of_study(call: Call, study_id: bytes) -> Profile:
    """Return whom to act as: --as, else the study's own patient where their profile lies in this home."""
    profile = call.profile("patient")
    if call.acting:
        return profile
    study = call.house.mirror(profile.member).catch_up().study(study_id)
    return _patient_of(call, study.subject) if study else profile


def _patient_of_grant(call: Call, grant_id: bytes) -> Profile:
    """Return whom to act as: --as, else the grant's own patient, also while the chain is down."""
    profile = call.profile("patient")
    if call.acting:
        return profile
    mirror = call.house.mirror(profile.member)
    with contextlib.suppress(LedgerError):
        mirror.catch_up()
    entry = mirror.state().grant(grant_id)
    return _patient_of(call, entry.subject) if entry else profile


def _patient_of(call: Call, subject: bytes) -> Profile:
    """Return the profile in this home that signs for a subject, or the default patient's."""
    patients = (each for each in call.house.profiles().all() if each.kind is Kind.PATIENT and each.subject == subject)
    return next(patients, None) or call.profile("patient")


def _patient_key(profile: Profile) -> EoaKey:
    if profile.kind is not Kind.PATIENT:
        raise InputError("only a patient decides: --as a patient's profile")
    return profile.signer(KeyName.SIGNER)


def _standing_key(profile: Profile) -> EoaKey:
    """The key with which a profile may revoke one grant: the patient's, or a registrar's of the custodian."""
    return profile.signer(KeyName.REGISTRAR if profile.kind is Kind.INSTITUTION else KeyName.SIGNER)
