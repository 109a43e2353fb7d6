"""`fiducia grant`: what is decided about a patient's studies, and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from fiducia.app.cli import asks, grant_views, parsing
from fiducia.app.cli.acting import deciding_key, patient_of, staff_approver, subject_of
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.consent import read_consent
from fiducia.app.cli.files import read_document
from fiducia.app.cli.grant_orders import (
    ActionOption,
    EveryOption,
    FromOption,
    Options,
    PurposeOption,
    SeriesOption,
    StudyOption,
    SubjectOption,
    UntilOption,
)
from fiducia.app.cli.signing import read_grant, show_given, showing, write_grant
from fiducia.app.cli.views import scope_of
from fiducia.app.profiles import KeyName, Kind, Profile
from fiducia.core import ids
from fiducia.core.entries import Study
from fiducia.core.rules import Basis
from fiducia.core.signatures import EoaKey
from fiducia.errors import InputError
from fiducia.journeys.shared.subjects import freshest, known_study

app = noun("grant", "Grants: who may open what, on which basis, for which purpose, until when.")


@command(app, "give")
def give(
    call: Call,
    study: StudyOption = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="GRANTEE", help="A profile, a person (0x…) or an institution's number."),
    ] = None,
    purpose: PurposeOption = None,
    until: UntilOption = None,
    since: FromOption = None,
    series: SeriesOption = None,
    every: EveryOption = None,
    subject: SubjectOption = None,
    action: ActionOption = None,
    basis: Annotated[
        str, typer.Option(metavar="BASIS", help="CONSENT is the patient's; PAPER, CARE and LAW are their hospital's.")
    ] = Basis.CONSENT.name,
    document: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The document that the patient signed, for PAPER.")
    ] = None,
    colleague: Annotated[
        str | None, typer.Option("--with", metavar="PROFILE", help="The second who signs, for PAPER.")
    ] = None,
    ask: Annotated[
        str | None, typer.Option("--ask", metavar="ID", help="Answer this access request: it says the rest.")
    ] = None,
    from_fhir: Annotated[
        Path | None,
        typer.Option("--from-fhir", metavar="FILE", help="A FHIR R4 Consent that says all of this instead."),
    ] = None,
    sign_only: Annotated[
        Path | None,
        typer.Option("--sign-only", metavar="FILE", help="Write the signed grant there and send nothing."),
    ] = None,
) -> None:
    """Sign a grant, and have the patient's hospital's broker carry it.

    The terms are printed in words, made from exactly the bytes that are signed. Who signs pays nothing. Without --as
    the study's own patient signs, where their profile lies in this home. Two of the hospital's staff vouch for what the
    patient signed on paper; one of its officers decides on CARE or LAW. An emergency is opened by `fiducia emergency`.
    A FHIR Consent decides nothing by itself: it is signed like any other grant. Of its extensions, epoch, relay-by,
    terms and salt are drawn anew where it leaves them out; where it has them, they must be those of now.

    \b
    Examples:
      fiducia grant give --study 0x3f… --to clinician --purpose TREAT --until 2030-01-31 --as patient
      fiducia grant give --all-studies future-too --to hospital-b --purpose TREAT --until 2030-01-31 --as patient
      fiducia grant give --ask 0x51… --as patient
      fiducia grant give --from-fhir consent.json --as patient
      fiducia grant give --study 0x3f… --to clinician --purpose TREAT --until 2030-01-31 --sign-only grant.json
      fiducia grant give --study 0x3f… --to clinician --purpose TREAT --until 2030-01-31 --basis CARE --as officer-a
      fiducia grant give --study 0x3f… --to clinician --purpose TREAT --until 2030-01-31 --basis PAPER \\
        --document signed.pdf --as nurse-a --with clerk-a
    """
    options = Options(study, series, every, subject, to, purpose, action, since, until)
    wanted = parsing.basis(basis)
    if from_fhir is not None or ask is not None:
        others = (document, colleague, sign_only, from_fhir if ask is not None else None)
        said = options if ask is None else replace(options, subject=None)  # a representative says for whom
        if not said.is_empty() or any(each is not None for each in others) or wanted is not Basis.CONSENT:
            raise typer.BadParameter("--from-fhir and --ask say it all: give no other option of the grant beside one")
        if ask is not None:
            _answer(call, parsing.ask_id(ask), subject)
        elif from_fhir is not None:
            _give_consent(call, from_fhir)
    elif wanted is Basis.EMERGENCY:
        raise typer.BadParameter("an emergency is opened by two persons at once: `fiducia emergency open`")
    elif wanted is Basis.CONSENT:
        if document is not None or colleague is not None:
            raise typer.BadParameter("--document and --with are for --basis PAPER")
        _give_by_patient(call, options, sign_only)
    else:
        if sign_only is not None:
            raise typer.BadParameter("--sign-only is for what a patient signs")
        _give_by_staff(call, options, wanted, document, colleague)


def _give_by_patient(call: Call, options: Options, sign_only: Path | None) -> None:
    order = options.order(call)
    patient, subject = _grantor(call, options)
    order = replace(order, subject=subject)
    key = deciding_key(patient)
    show, shown = showing(call)
    if sign_only is not None:
        act = call.house.give_grant(patient, subject).sign(order, key, show=show)
        write_grant(sign_only, act)
        words = shown[0].splitlines() if call.out.as_json else None
        call.out.facts({"grant_id": ids.grant_id(act.grant), "signed": str(sign_only), "words": words})
        return
    given = call.house.give_grant(patient, subject).run(order, key, show=show)
    show_given(call, given, shown[0], study_id=order.study_id, series=order.series)


def _give_by_staff(call: Call, options: Options, basis: Basis, document: Path | None, colleague: str | None) -> None:
    order = options.order(call)
    signing = [call.profile("officer-a")]
    if colleague is not None:
        signing.append(call.house.profiles().load(colleague))
    if (basis is Basis.PAPER) != (colleague is not None) or (basis is Basis.PAPER) != (document is not None):
        raise typer.BadParameter("--document and --with go with --basis PAPER, and it with them")
    whose = subject_of(call, signing[0], options.subject) if order.every else b""
    subject = whose or _study_of(call, signing[0], order.study_id).subject
    order = replace(order, subject=subject)
    show, shown = showing(call)
    given = call.house.give_by_staff(signing[0], subject).run(
        order,
        basis,
        [staff_approver(each) for each in signing],
        document=read_document(document) if document else b"",
        show=show,
    )
    show_given(call, given, shown[0], study_id=order.study_id, series=order.series)


def _give_consent(call: Call, path: Path) -> None:
    """Have the patient sign what a FHIR Consent says."""
    consent = read_consent(path)
    subject = consent.grant.subject
    patient = call.profile("patient") if call.acting else patient_of(call, subject)
    whose = patient.subject or subject
    show, shown = showing(call)
    given = call.house.give_consent(patient, whose).run(consent, deciding_key(patient), subject=whose, show=show)
    show_given(call, given, shown[0], study_id=consent.study_id, series=consent.series)


def _answer(call: Call, ask_id: bytes, subject: str | None) -> None:
    """Have the patient sign what was asked for; the broker sees by the ledger that it is answered."""
    patient = call.profile("patient")
    key, whose = deciding_key(patient), subject_of(call, patient, subject)
    read = call.house.answer_access(patient, whose).find(whose, ask_id, key)
    show, shown = showing(call)
    given = call.house.give_grant(patient, whose).run(read.order(), key, show=show)
    show_given(call, given, shown[0], study_id=read.study_id, series=read.series)


@command(app, "relay")
def relay(
    call: Call, signed: Annotated[Path, typer.Argument(metavar="FILE", help="What `grant give --sign-only` wrote.")]
) -> None:
    """Have a signed grant carried to the chain, by whoever has it: within a week of its signing.

    \b
    Example:
      fiducia grant relay grant.json
    """
    act = read_grant(signed)
    receipt = call.house.broker_of_subject(call.house.reader(call.acting), act.grant.subject).relay(act)
    call.out.facts(
        {"grant_id": ids.grant_id(act.grant), "block": receipt.head.number, "gas": receipt.gas_used},
    )


@command(app, "renew")
def renew(
    call: Call,
    grant: Annotated[str, typer.Argument(metavar="ID", help="The grant_id.")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The new end, as in `grant give`.")],
) -> None:
    """Give a grant on the same terms again, from now until a later end. A revoked grant is not renewed.

    The grant before stands beside it until its own end.

    \b
    Example:
      fiducia grant renew 0x9c… --until 2031-01-31 --as patient
    """
    grant_id = parsing.grant_id(grant)
    patient, _ = _revoker(call, grant_id)
    state = call.house.mirror(patient.reader).catch_up()
    entry = state.grant(grant_id)
    if entry is None or entry.grant is None:
        raise InputError("no such grant on this ledger; see `fiducia grant list --all`")
    study, series = scope_of(state, entry.grant)
    show, shown = showing(call)
    given = call.house.give_grant(patient, entry.subject).renew(
        entry.grant, parsing.until(until), deciding_key(patient), study_id=study or b"", series=series, show=show
    )
    show_given(call, given, shown[0], study_id=study or b"", series=series)


@command(app, "revoke")
def revoke(
    call: Call,
    grant: Annotated[
        str | None,
        typer.Argument(metavar="[ID|FILE]", help="The grant_id, or a signed grant's file.", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every grant of a patient.")] = False,
    subject: SubjectOption = None,
) -> None:
    """Revoke a grant, or all of a patient's grants. It counts from the broker's answer on, also with the chain down.

    A signed grant that nobody carried yet is revoked by its file: it never lives then. Beside the patient, a registrar
    or an officer of their hospital may revoke, the person whom it is for, and an officer of theirs.

    \b
    Examples:
      fiducia grant revoke 0x9c… --as patient
      fiducia grant revoke grant.json --as patient
      fiducia grant revoke --all --as patient
      fiducia grant revoke --all --subject 0x5d… --as parent
    """
    if every == (grant is not None) or (subject and not every):
        raise typer.BadParameter("give a grant_id or a file, or --all (with --subject where it is not your own)")
    profile, facts = call.profile("patient"), dict[str, Any]()
    if grant is None:
        who = subject_of(call, profile, subject)
        on_chain = call.house.revoke_all(profile, who).run(who, _standing_key(profile))
        facts = {"subject": who}
    elif grant.startswith("0x"):
        grant_id = parsing.grant_id(grant)
        profile, who = _revoker(call, grant_id)
        on_chain = call.house.revoke_grant(profile, who).run(grant_id, _standing_key(profile), profile.badge)
        facts = {"grant_id": grant_id}
    else:
        terms = read_grant(Path(grant)).grant
        profile = profile if call.acting else patient_of(call, terms.subject)
        journey = call.house.revoke_grant(profile, terms.subject)
        on_chain = journey.run_for(terms, _standing_key(profile), profile.badge)
        facts = {"grant_id": ids.grant_id(terms)}
    if not on_chain:
        call.out.say("taken and denied from now on; the broker carries it to the chain")
    call.out.facts(facts | {"revoked": True, "on_chain": on_chain})


grant_views.register(app)
asks.register(app)


def _grantor(call: Call, options: Options) -> tuple[Profile, bytes]:
    """Return whom to act as, and for whom: --as, else the study's own patient where they are in this home."""
    profile = call.profile("patient")
    if not options.study:
        return profile, subject_of(call, profile, options.subject)
    subject = _study_of(call, profile, parsing.study_id(options.study)).subject
    return (profile if call.acting else patient_of(call, subject)), subject


def _revoker(call: Call, grant_id: bytes) -> tuple[Profile, bytes]:
    """Return whom to act as, and for whom: --as, else the grant's own patient, also while the chain is down."""
    profile = call.profile("patient")
    entry = freshest(call.house.mirror(profile.reader)).grant(grant_id)
    subject = entry.subject if entry else profile.subject
    return (profile if call.acting or not entry else patient_of(call, subject)), subject


def _study_of(call: Call, profile: Profile, study_id: bytes) -> Study:
    return known_study(call.house.mirror(profile.reader).catch_up(), study_id)


def _standing_key(profile: Profile) -> EoaKey:
    """The key with which a profile takes something away: the patient's side's, a registrar's, or a badge's session."""
    names = {Kind.INSTITUTION: KeyName.REGISTRAR, Kind.STAFF: KeyName.SESSION}
    return profile.signer(names.get(profile.kind, KeyName.SIGNER))
