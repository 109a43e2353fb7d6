"""A gateway over in-memory parts, with the clinician signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from itertools import count

from starlette.testclient import TestClient

from fiducia.adapters.memory.pixels import DirectPixels
from fiducia.app.gateway import GatewayParts
from fiducia.app.gateway.application import create_app
from fiducia.app.gateway.views import Views
from fiducia.core.rules import Action, Purpose, mask
from fiducia.journeys.sign_in.sign_in import GatewaySessions
from tests.support.consortium import Consortium

SEE = mask(Action.METADATA, Action.VIEW)


def parts_of(world: Consortium) -> GatewayParts:
    """Return the gateway of the clinician's institution."""
    numbers = count(1)
    world.mirror.catch_up()
    return GatewayParts(
        views=Views(
            sessions=sessions_of(world),
            viewing_of=lambda session: world.viewing(Purpose(session.purpose), session.requester(world.gateway.seed)),
            catch_up=world.mirror.catch_up,
        ),
        pixels=DirectPixels(),
        boundary=lambda: f"boundary{next(numbers):016}",
        ready=lambda: None,
    )


def sessions_of(world: Consortium) -> GatewaySessions:
    """Return who is signed in."""
    return GatewaySessions(
        vault=world.gateway_vault, clock=world.clock, entropy=world.entropy, journal=world.gateway_journal
    )


def sign_in(world: Consortium, purpose: Purpose = Purpose.TREAT) -> dict[str, str]:
    """Sign the clinician in; return the header that says so."""
    token = sessions_of(world).sign_in("clinician", world.badge, world.session_secret, purpose).token
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def gateway(world: Consortium, parts: GatewayParts | None = None) -> Iterator[TestClient]:
    """Serve the gateway; its client is signed in."""
    with TestClient(create_app(parts or parts_of(world)), base_url="http://gateway.test") as client:
        client.headers |= sign_in(world)
        yield client


def parts_in(content_type: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """Return each part's media type, location and content, as Python's own parser finds them."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    found: list[tuple[str, str, bytes]] = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((str(part["Content-Type"]), str(part["Content-Location"] or ""), content))
    return found
