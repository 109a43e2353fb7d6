"""What happens in a world: deeds and troubles, one after the other, drawn from its seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fiducia.core import ids
from fiducia.core.rules import Action, mask
from fiducia.journeys.grants.drafting import Every
from fiducia.records.ledger import GrantState
from tests.simulation import clinicians, deeds
from tests.simulation.cast import Cast
from tests.simulation.checker import SKEW_S
from tests.simulation.history import HandedOver
from tests.simulation.material import SLICES, Folder
from tests.simulation.world import DAY_S, MEMBERS, World

DEEDS_AT_LEAST, DEEDS_AT_MOST = 15, 40
STUDIES_AT_MOST = 3


class Plot(Cast):
    """Draws what happens next."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._studies = 0

    def run(self) -> None:
        """Let a first study be registered and granted in peace, mostly, and then let things happen."""
        world = self._world
        for _ in range(self._random.choice((0, 1, 2, 2))):
            self._register_new()
            self._grant()
        world.chance.calm = False
        world.meanwhile(self._aside)
        for _ in range(self._random.randint(DEEDS_AT_LEAST, DEEDS_AT_MOST)):
            self._next(_DEEDS)
        world.meanwhile(None)

    def _aside(self) -> None:
        """What may happen while somebody else is in the middle of something: short things."""
        self._next(_ASIDES)

    def _next(self, among: Sequence[tuple[int, Callable[[Plot], object]]]) -> None:
        (deed,) = self._random.choices([deed for _, deed in among], [weight for weight, _ in among])
        deed(self)

    # -- deeds

    def _register_new(self) -> None:
        if self._studies == STUDIES_AT_MOST:
            return self._register_more()
        self._studies += 1
        patient = self._patient()
        slices = tuple(self._random.randint(1, SLICES - 1) for _ in range(self._random.randint(1, 2)))
        folder = Folder(f"study {self._studies}", f"SAMPLE-{patient.name}", slices)
        deeds.register(self._world, patient, folder)
        return None

    def _register_more(self) -> None:
        known = [(patient, each) for patient in self._world.patients for each in patient.folders.values()]
        if not known:
            return
        patient, folder = self._random.choice(known)
        slices = list(folder.slices)
        if self._random.random() < 0.6:
            slices[-1] = min(slices[-1] + 1, SLICES)
        elif len(slices) < 3:
            slices.append(1)
        deeds.register(self._world, patient, Folder(folder.study, folder.patient_id, tuple(slices)))

    def _register_again(self) -> None:
        known = [(patient, each) for patient in self._world.patients for each in patient.folders.values()]
        if known:
            deeds.register(self._world, *self._random.choice(known))

    def _grant(self) -> None:
        study, random = self._study(), self._random
        if study is None:
            return
        (patient,) = [each for each in self._world.patients if each.subject == study.subject]
        who = random.choice([each for each in self._world.clinicians if each.trusted])
        institution = who.institution == 2 and random.random() < 0.2
        deeds.give(
            self._world,
            patient,
            study.study_id,
            ids.institution_grantee(who.institution) if institution else who.person,
            series=random.choice((0, 0, 0, 1, 2)),
            actions=random.choice(_ACTIONS),
            lasts_s=random.choice((20, 120, 3600, 10 * DAY_S, 10 * DAY_S)),
            every=random.choice((None, None, None, None, *Every)),
        )

    def _revoke(self) -> None:
        live = [
            (entry.grant_id, patient)
            for patient in self._world.patients
            for entry in self._state.grants()
            if entry.subject == patient.subject and entry.state is GrantState.LIVE
        ]
        if live:
            grant_id, patient = self._random.choice(sorted(live, key=lambda each: each[0]))
            deeds.revoke(self._world, patient, grant_id, self._house())

    def _revoke_while_away(self) -> None:
        """A patient revokes where the chain cannot be reached; soon somebody asks there for what they had before."""
        handed = {
            each.access.request.grant_id: each.access for each in self._world.history if isinstance(each, HandedOver)
        }
        live = [entry.grant_id for entry in self._state.grants() if entry.state is GrantState.LIVE]
        among = sorted(grant_id for grant_id in live if grant_id in handed)
        if not among:
            return
        grant_id, institution = self._random.choice(among), self._house()
        (patient,) = [each for each in self._world.patients if each.subject == handed[grant_id].grant.subject]
        house = self._world.houses[institution]
        house.endpoint.unreachable = True
        deeds.revoke(self._world, patient, grant_id, institution)
        if self._random.random() < 0.5:
            house.broker_killed()
            house.begin_broker()
        if self._random.random() < 0.7:
            self._world.mend(institution)
        clinicians.ask_again(self._world, handed[grant_id], institution)

    def _revoke_all(self) -> None:
        deeds.revoke_all(self._world, self._patient(), self._house())

    def _restrict(self) -> None:
        deeds.restrict(self._world, self._patient(), self._house())

    def _lift(self) -> None:
        deeds.lift(self._world, self._patient())

    def _withdraw_study(self) -> None:
        patient = self._patient()
        study = self._study(patient)
        if study is not None:
            deeds.withdraw_study(self._world, patient, study.study_id)

    def _rekey(self) -> None:
        if about := self._whose_study():
            deeds.rekey(self._world, *about)

    def _erase(self) -> None:
        if about := self._whose_study():
            deeds.erase(self._world, *about)

    def _withdraw_person(self) -> None:
        deeds.withdraw_person(self._world, self._clinician())

    def _end_badges(self) -> None:
        deeds.end_badges(self._world, self._house())

    def _fetch(self) -> None:
        if asked := self._asked_for():
            clinicians.fetch(self._world, *asked)

    def _view(self) -> None:
        if asked := self._asked_for():
            clinicians.view(self._world, *asked[:2])

    def _ask_again(self) -> None:
        """Somebody asks brokers for keys that were handed over before, under the release of then."""
        handed = [each.access for each in self._world.history if isinstance(each, HandedOver)]
        if handed:
            access = self._random.choice(handed[-6:])
            for institution in self._random.sample(MEMBERS, 2):
                clinicians.ask_again(self._world, access, institution)

    def _look_again(self) -> None:
        clinicians.look_again(self._world, self._clinician())

    def _sign_out(self) -> None:
        clinicians.sign_out(self._world, self._clinician())

    def _follow(self) -> None:
        for house in self._world.houses.values():
            self._world.at_gateway(house, "follow", house.follow)

    def _background(self) -> None:
        house = self._world.houses[self._house()]
        self._world.at_broker(house, "background", house.background)

    # -- troubles

    def _time(self) -> None:
        self._world.clock.advance(self._random.choice((1, 3, 10, 30, 100, 600)))

    def _moment(self) -> None:
        self._world.clock.advance(self._random.randint(1, 3))

    def _begin_brokers(self) -> None:
        for house in self._world.houses.values():
            house.begin_broker()

    def _kill_broker(self) -> None:
        self._world.houses[self._house()].broker_killed()

    def _trouble(self) -> None:
        """Something breaks, or several things do."""
        house, random = self._world.houses[self._house()], self._random
        what = random.randrange(5)
        if what == 0:
            house.endpoint.unreachable = True
        elif what == 1:
            house.endpoint.lag_s = random.choice((1, 3, 6, 12))
        elif what == 2:
            house.disk.full = True
        elif what == 3:
            house.endpoint.clock.skew_s = random.randint(-SKEW_S, SKEW_S)
        else:
            self._world.chain.ledger.faults.stalled = True

    def _mend(self) -> None:
        """Everything that broke at one member is mended, and the chain."""
        self._world.mend(self._house())


_ACTIONS = (
    mask(Action.METADATA, Action.VIEW, Action.RETAIN),
    mask(Action.METADATA, Action.VIEW, Action.RETAIN),
    mask(Action.VIEW),
    mask(Action.METADATA),
    mask(Action.RETAIN),
)
_DEEDS: Sequence[tuple[int, Callable[[Plot], object]]] = (
    (4, Plot._register_new),
    (3, Plot._register_more),
    (2, Plot._register_again),
    (10, Plot._grant),
    (5, Plot._revoke),
    (2, Plot._revoke_while_away),
    (1, Plot._revoke_all),
    (1, Plot._restrict),
    (1, Plot._lift),
    (1, Plot._withdraw_study),
    (2, Plot._rekey),
    (1, Plot._erase),
    (1, Plot._withdraw_person),
    (1, Plot._end_badges),
    (12, Plot._fetch),
    (14, Plot._view),
    (6, Plot._look_again),
    (7, Plot._ask_again),
    (1, Plot._sign_out),
    (4, Plot._follow),
    (4, Plot._background),
    (5, Plot._time),
    (4, Plot._begin_brokers),
    (1, Plot._kill_broker),
    (4, Plot._trouble),
    (8, Plot._mend),
)
_ASIDES: Sequence[tuple[int, Callable[[Plot], object]]] = (
    (4, Plot._revoke),
    (1, Plot._revoke_all),
    (1, Plot._restrict),
    (2, Plot._follow),
    (2, Plot._background),
    (3, Plot._moment),
    (2, Plot._ask_again),
    (1, Plot._kill_broker),
    (2, Plot._trouble),
    (2, Plot._mend),
)
