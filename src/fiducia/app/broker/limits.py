"""What a broker takes at most: bytes and seconds per body, requests per minute and caller.

Counting is per process and in memory: a restart forgives. The caller is the address that connected, or
the subject that a grant is for, or who signed a look-up, or the person and the institution of a badge, or the
custodian that deposits shares; none is logged. Nothing here keeps anybody from a revoke or a restriction.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from fiducia.core.emergencies import Team
from fiducia.errors import DeniedError, InputError, LimitError, TooLargeError
from fiducia.journeys.reading.release import STRANGER
from fiducia.records.typed import Access, StaffAccess

UNLIMITED = frozenset({"/v1/revocations"})
"""Doors at which nobody is counted: taking access away never waits."""

Counted = tuple[RateLimitItem, str, str]
"""A limit, what is counted, and whose it is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of one broker.

    Attributes:
        body_bytes: a request body's length; the largest act is a few kilobytes.
        deposit_bytes: the same for a deposit, which has shares of every series of a study.
        body_s: how long a body may take to arrive.
        grants_per_minute: relayed grants for one subject.
        acts_per_minute: other acts that were carried about one subject, but for those that take something away.
        requests_per_minute: everything else, for one address.
        look_ups_per_hour: look-ups of patient IDs by one person, known ones or not.
        team_look_ups_per_hour: the same for a whole institution.
        releases_per_person: releases that are asked for with the badges of one person, a minute.
        releases_per_institution: the same for everybody of one institution.
        hand_overs_per_person: hand-overs, as releases.
        hand_overs_per_institution: the same for everybody of one institution.
        emergencies_per_person: shares handed over on a custodian's word while the chain stalls, to teams with this
            person, a minute.
        emergencies_per_institution: the same for all teams of one institution.
        deposits_per_custodian: deposits of shares by one custodian, a minute.
        collections_per_custodian: shares that one custodian takes back in order to deal them anew, a minute.
        blocks_per_answer: blocks scanned for one answer of `/v1/events`.
    """

    body_bytes: int = 64 * 1024
    deposit_bytes: int = 1024 * 1024
    body_s: float = 10.0
    grants_per_minute: int = 60
    acts_per_minute: int = 20
    requests_per_minute: int = 6000
    look_ups_per_hour: int = 30
    team_look_ups_per_hour: int = 300
    releases_per_person: int = 6000
    releases_per_institution: int = 60_000
    hand_overs_per_person: int = 6000
    hand_overs_per_institution: int = 60_000
    emergencies_per_person: int = 600
    emergencies_per_institution: int = 6000
    deposits_per_custodian: int = 6000
    collections_per_custodian: int = 6000
    blocks_per_answer: int = 1000


class Gate:
    """Counts and refuses."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._grants = RateLimitItemPerMinute(limits.grants_per_minute)
        self._acts = RateLimitItemPerMinute(limits.acts_per_minute)
        self._requests = RateLimitItemPerMinute(limits.requests_per_minute)
        self._look_ups = RateLimitItemPerHour(limits.look_ups_per_hour)
        self._team_look_ups = RateLimitItemPerHour(limits.team_look_ups_per_hour)
        self._releases = (
            RateLimitItemPerMinute(limits.releases_per_person),
            RateLimitItemPerMinute(limits.releases_per_institution),
        )
        self._hand_overs = (
            RateLimitItemPerMinute(limits.hand_overs_per_person),
            RateLimitItemPerMinute(limits.hand_overs_per_institution),
        )
        self._emergencies = (
            RateLimitItemPerMinute(limits.emergencies_per_person),
            RateLimitItemPerMinute(limits.emergencies_per_institution),
        )
        self._deposits = RateLimitItemPerMinute(limits.deposits_per_custodian)
        self._collections = RateLimitItemPerMinute(limits.collections_per_custodian)

    def admit(self, request: Request) -> None:
        """Count one request of an address, but for revokes and restrictions. Raises: LimitError."""
        if request.url.path in UNLIMITED:
            return
        address = request.client.host if request.client else "local"
        if not self._limiter.hit(self._requests, "request", address):
            raise self._over("too many requests from this address", [(self._requests, "request", address)])

    def admit_grant(self, subject: bytes) -> None:
        """Count one grant of a subject. Raises: LimitError."""
        if not self._limiter.hit(self._grants, "grant", subject.hex()):
            raise self._over("too many grants for this patient", [(self._grants, "grant", subject.hex())])

    def admit_look_up(self, team: Team) -> None:
        """Count one look-up of both persons and of their institution. Raises: LimitError."""
        counted = _of_team("look-up", (self._look_ups, self._team_look_ups), team)
        self._admit_all(counted, "look-ups by these persons or their institution")

    def admit_emergency(self, team: Team) -> None:
        """As `admit_look_up`, for a share that is asked for while the chain stalls. Raises: LimitError."""
        counted = _of_team("emergency", self._emergencies, team)
        self._admit_all(counted, "emergencies of these persons or their institution")

    def _admit_all(self, counted: list[Counted], what: str) -> None:
        """Each counts, whichever is over."""
        if [each for each in counted if not self._limiter.hit(*each)]:
            raise self._over(f"too many {what}", counted)

    def admit_act(self, subject: bytes) -> None:
        """Refuse when too much was carried for a subject. Raises: LimitError."""
        if not self._limiter.test(self._acts, "act", subject.hex()):
            raise self._over("too many acts about this patient", [(self._acts, "act", subject.hex())])

    def count_act(self, subject: bytes) -> None:
        """Count one act that was carried: what strangers send, which the ledger refuses, keeps no patient waiting."""
        self._limiter.hit(self._acts, "act", subject.hex())

    @contextmanager
    def release(self, access: Access) -> Iterator[None]:
        """Let a request for a release through, and count it once it proved to be whose it says. Raises: LimitError."""
        with self._counting(_of_badge("release", self._releases, access), "releases by this person or institution"):
            yield

    @contextmanager
    def hand_over(self, access: Access) -> Iterator[None]:
        """As `release`, for a hand-over."""
        with self._counting(
            _of_badge("hand-over", self._hand_overs, access), "hand-overs to this person or institution"
        ):
            yield

    @contextmanager
    def deposit(self, custodian: int) -> Iterator[None]:
        """As `release`, for a custodian's deposit."""
        with self._counting([(self._deposits, "deposit", str(custodian))], "deposits of this custodian"):
            yield

    @contextmanager
    def collection(self, custodian: int) -> Iterator[None]:
        """As `release`, for shares that a custodian takes back."""
        with self._counting([(self._collections, "collection", str(custodian))], "collections of this custodian"):
            yield

    @contextmanager
    def _counting(self, counted: list[Counted], what: str) -> Iterator[None]:
        """Refuse what is over a limit before; count afterwards what was done, and what was refused to a verified one.

        What strangers send in another's name is not counted, so nobody uses up what is another's. Requests that are
        under way at the same moment may together pass a limit by their number.
        """
        if any(not self._limiter.test(*each) for each in counted):
            raise self._over(f"too many {what}", counted)
        try:
            yield
        except DeniedError as error:
            if error.reason != STRANGER:
                self._count(counted)
            raise
        self._count(counted)

    def _count(self, counted: list[Counted]) -> None:
        for each in counted:
            self._limiter.hit(*each)

    def _over(self, what: str, counted: list[Counted]) -> LimitError:
        """The refusal, with the seconds until the fullest of the limits has room again."""
        stats = [self._limiter.get_window_stats(*each) for each in counted]
        now = time.time()
        wait_s = max([math.ceil(each.reset_time - now) for each in stats if each.remaining == 0], default=1)
        return LimitError(f"{what}; try again in {max(1, wait_s)} s", max(1, wait_s))

    async def body(self, request: Request, limit_bytes: int | None = None) -> bytes:
        """Read a body within its limits: `body_bytes`, or others that the route names.

        Raises:
            TooLargeError: too long. InputError: it took too long to arrive.
        """
        body, most = bytearray(), limit_bytes or self.limits.body_bytes
        try:
            async with asyncio.timeout(self.limits.body_s):
                async for piece in request.stream():
                    body += piece
                    if len(body) > most:
                        raise TooLargeError(f"a request body has at most {most} bytes")
        except TimeoutError:
            raise InputError("the request body took too long to arrive; send it again") from None
        return bytes(body)


def _of_team(what: str, limits: tuple[RateLimitItem, RateLimitItem], team: Team) -> list[Counted]:
    """Whom something that two persons asked for is counted for."""
    persons: list[Counted] = [(limits[0], what, person.hex()) for person in (team.first, team.second)]
    return [*persons, (limits[1], what, str(team.institution))]


def _of_badge(what: str, limits: tuple[RateLimitItem, RateLimitItem], access: Access) -> list[Counted]:
    """Whom a request is counted for; a patient's own access is counted by its address alone."""
    if not isinstance(access, StaffAccess):
        return []
    badge = access.badge.badge
    return [
        (limits[0], f"{what}-person", badge.person.hex()),
        (limits[1], f"{what}-institution", str(badge.institution)),
    ]
