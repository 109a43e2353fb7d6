"""Options of the command line as the order of a grant: which studies, to whom, for what, from when, until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call
from fiducia.core import rules
from fiducia.errors import InputError
from fiducia.journeys.grants.drafting import GrantOrder

DEFAULT_ACTIONS = (rules.Action.VIEW.name, rules.Action.RETAIN.name)

StudyOption = Annotated[str | None, typer.Option("--study", metavar="ID", help="The study_id.")]
SeriesOption = Annotated[int | None, typer.Option(min=1, help="Only this series.", show_default=False)]
EveryOption = Annotated[
    str | None,
    typer.Option("--all-studies", metavar="WHICH", help="All studies at this hospital: until-now, or future-too."),
]
SubjectOption = Annotated[
    str | None,
    typer.Option("--subject", metavar="SUBJECT", help="Whose (0x… or a profile). Default: whom you are, or represent."),
]
PurposeOption = Annotated[
    list[str] | None, typer.Option("--purpose", metavar="PURPOSE", help="Why; repeat for several.")
]
ActionOption = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="ACTION", help="What with them; repeat. Default: VIEW and RETAIN."),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="2030-01-31 (ends that day, UTC) or 2030-01-31T18:00:00Z."),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="When it begins; a bare date begins that day. Default: now"),
]


@dataclass(frozen=True, slots=True)
class Options:
    """What was typed about a grant, as it was typed."""

    study: str | None = None
    series: int | None = None
    every: str | None = None
    subject: str | None = None
    to: str | None = None
    purpose: list[str] | None = None
    action: list[str] | None = None
    since: str | None = None
    until: str | None = None

    def is_empty(self) -> bool:
        """Tell whether nothing was typed."""
        return all(getattr(self, name) is None for name in self.__dataclass_fields__)

    def check(self, needs_grantee: bool = True) -> None:
        """Return when nothing is missing or contradicts itself. Raises: BadParameter."""
        missing = (self.study, self.every) == (None, None) or None in (self.purpose, self.until)
        if missing or (needs_grantee and self.to is None):
            whom = "--to, " if needs_grantee else ""
            raise typer.BadParameter(f"give --study ID (or --all-studies WHICH), {whom}--purpose and --until")
        if self.study is not None and self.every is not None:
            raise typer.BadParameter("one study, or all: --study and --all-studies exclude each other")
        if self.series is not None and self.study is None:
            raise typer.BadParameter("--series is one of a study: give --study beside it")

    def order(self, call: Call, *, grantee: parsing.Grantee | None = None) -> GrantOrder:
        """Return the order, for nobody in particular yet: what was typed is judged before the ledger is asked.

        Args:
            call: the command's.
            grantee: whom it is for, where no option says it.

        Raises:
            BadParameter: something is missing or said twice. InputError: it would have ended already.
        """
        self.check(grantee is None)
        assert self.purpose is not None
        assert self.until is not None
        given = grantee if self.to is None else parsing.grantee(self.to, call.house.profiles())
        assert given is not None
        order = GrantOrder(
            study_id=parsing.study_id(self.study) if self.study else b"",
            series=self.series or 0,
            grantee=given.value,
            purposes=rules.mask(*map(parsing.purpose, self.purpose)),
            actions=rules.mask(*map(parsing.action, self.action or DEFAULT_ACTIONS)),
            not_after=parsing.until(self.until),
            not_before=parsing.since(self.since) if self.since else None,
            grantee_name=given.name,
            every=parsing.every(self.every) if self.every else None,
        )
        if order.not_after <= call.house.clock.now():
            raise InputError("a grant that has ended already opens nothing: give a later --until")
        return order
