"""What clinicians do: fetch, view, read on, ask once more. Every byte that reaches them is in the history."""

from __future__ import annotations

from fiducia.core.rules import Action, Purpose
from fiducia.journeys.reading.fetch import FetchOrder
from fiducia.journeys.reading.opening import Held
from fiducia.journeys.reading.viewing import ReadNote, Viewing
from fiducia.records.typed import Access
from tests.simulation.history import Opened
from tests.simulation.house import House
from tests.simulation.material import digest_of
from tests.simulation.places import Place
from tests.simulation.world import Clinician, World


def fetch(world: World, who: Clinician, study_id: bytes, series: int = 0) -> tuple[str, Place]:
    """Have somebody fetch a study or a series into a folder; goes on with what an earlier try left."""
    house = world.houses[who.institution]
    name = (who.person, study_id, series)
    place = house.places.setdefault(name, Place(world, who.institution, who.person, study_id, series))

    def act() -> None:
        order = FetchOrder(study_id, series, Purpose.TREAT, Action.RETAIN)
        house.fetch.run(order, world.requester(who), place)

    outcome = world.at_desk(who.institution, "fetch", act)
    if place.visible:
        del house.places[name]  # they look at it, and fetch into a new one next time
    return outcome, place


def ask_again(world: World, access: Access, institution: int) -> str:
    """Have somebody show a signed request to a broker once more."""
    wire = world.houses[institution].wire
    return world.at_desk(institution, "ask again", lambda: wire.hand_over(access))


def view(world: World, who: Clinician, study_id: bytes) -> str:
    """Have somebody look at what they were granted, and open a study of it."""
    house = world.houses[who.institution]

    def act() -> None:
        viewing = house.view_of(world.requester(who))
        house.mirror.catch_up()
        viewing.refresh()
        for held in viewing.listed():
            read(world, house, who, viewing, held, Action.METADATA)
        for held in viewing.opened(study_id):
            read(world, house, who, viewing, held, Action.VIEW)

    return world.at_gateway(house, "view", act)


def look_again(world: World, who: Clinician) -> str:
    """Have somebody read on in what they opened some time ago, as long as the gateway lets them."""
    house = world.houses[who.institution]
    viewing = house.viewings.get(who.person)
    if viewing is None:
        return "nothing open"

    def act() -> None:
        for action in (Action.METADATA, Action.VIEW):
            for held in viewing._of(action):
                read(world, house, who, viewing, held, action)

    return world.at_gateway(house, "look again", act)


def read(world: World, house: House, who: Clinician, viewing: Viewing, held: Held, action: Action) -> None:
    """Read all that a release opens, as the gateway's doors do: journalled before the first byte is sent."""
    for series in held.series:
        for entry in series.opener.entries:
            began, began_time = world.mark()
            viewing.require(held)
            noted = viewing.note([(held, ReadNote("instance", series.number, entry.number, 1))])
            if action is Action.METADATA:
                series.opener.dicom_json(entry.number)
                digest = b""
            else:
                digest = digest_of(b"".join(map(bytes, series.opener.instance(entry.number))))
            noted()
            world.note(
                Opened,
                began=began,
                began_time=began_time,
                reader=house.institution,
                person=who.person,
                request_id=held.request_id,
                action=int(action),
                study_id=held.offer.study_id,
                series=series.number,
                digest=digest,
                read=True,
            )


def sign_out(world: World, who: Clinician) -> None:
    """Have somebody sign out; their next badge is another one."""
    viewing = world.houses[who.institution].viewings.pop(who.person, None)
    if viewing is not None:
        viewing.close()
    who.badge = None
