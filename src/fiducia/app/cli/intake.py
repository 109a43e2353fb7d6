"""`fiducia intake`: a hospital's doors for its PACS, and what waits behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.doors import COMMIT_WAIT_S, base_url_of, peer_of, tls_of
from fiducia.app.cli.registered import EXIT_SOME_REFUSED, show_registration
from fiducia.app.enrolment import Enrolment
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import KeyName
from fiducia.journeys.intake.closing import QUIET_S, WaitingStudy

app = noun("intake", "Intake: the PACS pushes studies in; they wait sealed, close after a quiet time, are registered.")

MemberOption = Annotated[str, typer.Option(metavar="NAME", help="The member whose door this is.")]


@command(app, "serve")
def serve(
    call: Call,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Open the DICOMweb door at this port.")] = None,
    dicom_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Open the DIMSE door (C-STORE) at this port.")
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Take files that appear in this folder. They are removed once they are kept; what is refused goes to"
            " 'refused' beside the folder.",
        ),
    ] = None,
    member: MemberOption = "hospital-a",
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen at.")] = "127.0.0.1",
    quiet: Annotated[
        int, typer.Option(min=0, metavar="SECONDS", help="A study closes when nothing of it came for so long.")
    ] = QUIET_S,
    ae_title: Annotated[
        str, typer.Option(metavar="AE", help="The DIMSE door's own AE title; who calls another one is not let in.")
    ] = "FIDUCIA",
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AE[@HOST:PORT]",
            help="An AE title that may call the DIMSE door; repeat it for each. Without any nobody may. With"
            " @HOST:PORT its storage commitment reports go there when its own association has ended.",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The DIMSE door speaks TLS, with this certificate chain.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The certificate's private key, without a passphrase.")
    ] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Callers must show a certificate that one of these vouches for.")
    ] = None,
    commit_wait: Annotated[
        int,
        typer.Option(
            min=0, metavar="SECONDS", help="How long a storage commitment waits for instances to be registered."
        ),
    ] = COMMIT_WAIT_S,
    gateway_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where senders over DICOMweb find what they sent, once it is registered and granted: a gateway's base"
            " URL, such as https://viewer.hospital.example/dicomweb. Answers then have Retrieve URLs.",
        ),
    ] = None,
) -> None:
    """Serve a hospital's doors until a signal says stop: DICOMweb (STOW-RS at /studies), DIMSE, a watched folder.

    DICOMweb senders bear the token that `fiducia intake token` prints; DIMSE senders are told by AE title, and by
    certificate with --tls-ca. What they were answered success for is on the disk, sealed. A study that has been quiet
    is registered; what comes later makes a new revision. Storage commitment says yes only to what is registered.
    Patients whom the directory does not know wait: enrol them, then `fiducia intake close`.

    \b
    Examples:
      fiducia intake serve --port 8711 --member hospital-a
      fiducia intake serve --dicom-port 11112 --allow MODALITY1 --allow PACS@10.0.0.7:104
      fiducia intake serve --dicom-port 2762 --allow PACS --tls-cert door.pem --tls-key door.key --tls-ca hospital.pem
      fiducia intake serve --watch /var/spool/scanner
    """
    from fiducia.app.intake import DimseSettings, Doors  # what serves loads for doors alone
    from fiducia.app.intake import serve as run
    from fiducia.app.logs import set_up_logs

    set_up_logs()
    if port is None and dicom_port is None and watch is None:
        raise typer.BadParameter("open at least one door: --port, --dicom-port or --watch")
    dimse = None
    if dicom_port is not None:
        dimse = DimseSettings(
            port=dicom_port,
            host=host,
            ae_title=ae_title,
            peers=tuple(peer_of(text) for text in allow or ()),
            tls=tls_of(tls_cert, tls_key, tls_ca),
            commit_wait_s=commit_wait,
        )
    doors = Doors((host, port) if port is not None else None, dimse, watch, base_url_of(gateway_url))
    custodian = call.house.institution(call.house.profiles().load(member))
    run(call.house.intake_parts(custodian, quiet_s=quiet), doors)


@command(app, "token")
def token(call: Call) -> None:
    """Print what senders must bear at your hospital's door, as `Authorization: Bearer TOKEN`. It is a secret.

    \b
    Example:
      fiducia intake token --as hospital-a
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    call.out.facts({"token": call.house.intake_token(custodian.member)})


@command(app, "list")
def list_waiting(call: Call) -> None:
    """List the studies that wait to be registered, without saying whose they are.

    \b
    Example:
      fiducia intake list --as hospital-a
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    with call.out.progress() as progress:
        waiting = call.house.close_studies(custodian.member, progress).waiting()
    call.out.rows([_row(number, study) for number, study in enumerate(waiting, 1)], empty="nothing waits")


@command(app, "close")
def close(
    call: Call,
    enrol_new: Annotated[
        bool, typer.Option("--enrol-new", help="Enrol patients whom the directory does not know, each with a profile.")
    ] = False,
) -> int:
    """Register every study that waits, now. What cannot be registered is named with its reason and stays (exit 5).

    \b
    Example:
      fiducia intake close --as hospital-a
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    enrolment = Enrolment(call.house, custodian)
    enrolment.finish_all()
    with call.out.progress() as progress:
        registration = call.house.close_studies(custodian.member, progress).run(
            custodian=custodian.institution,
            registrar=custodian.signer(KeyName.REGISTRAR),
            now=True,
            enrol_new=enrolment.enrol if enrol_new else None,
        )
    show_registration(call.out, registration)
    return EXIT_SOME_REFUSED if registration.problems else 0


def _row(number: int, study: WaitingStudy) -> Fact:
    return {
        "study": number,
        "series": study.series,
        "instances": len(study.spool_ids),
        "bytes": study.size_bytes,
        "newest": utc(study.newest_at),
        "doors": " ".join(study.doors),
    }
