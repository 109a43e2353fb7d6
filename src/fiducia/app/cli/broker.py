"""`fiducia broker`: a member's door, run by its operator."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app.cli.common import Call, command, noun

app = noun("broker", "A member's broker: relays grants, takes revokes, records releases, hands over sealed keys.")


@command(app, "serve")
def serve(
    call: Call,
    member: Annotated[str, typer.Option(metavar="NAME", help="The member whose broker this is.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen at.")] = "127.0.0.1",
) -> None:
    """Serve one member's broker until a signal says stop. `fiducia up` starts one for each member.

    What its door takes a minute: FIDUCIA_RELEASES_PER_PERSON and _PER_INSTITUTION, FIDUCIA_HAND_OVERS_PER_PERSON and
    _PER_INSTITUTION, FIDUCIA_EMERGENCIES_PER_PERSON and _PER_INSTITUTION (shares, as another hospital's trustee while
    the chain stalls), FIDUCIA_DEPOSITS_PER_CUSTODIAN, FIDUCIA_COLLECTIONS_PER_CUSTODIAN. What is more is answered with
    429 and Retry-After. Revokes and restrictions are never limited.

    \b
    Example:
      fiducia broker serve --member hospital-a --port 8701
    """
    from fiducia.app.broker import serve as run  # the web framework loads for brokers alone
    from fiducia.app.broker.limits import Limits
    from fiducia.app.logs import set_up_logs

    set_up_logs()
    run(call.house.broker_parts(member), host=host, port=port, limits=Limits(**call.settings.rates()))
