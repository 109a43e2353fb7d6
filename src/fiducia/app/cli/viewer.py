"""`fiducia viewer`: the viewer that a gateway shows to people with a browser. Optional."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import Fact
from fiducia.app.viewer.installed import Installation

app = noun("viewer", "Viewer: OHIF, for people with a browser; fetched once, served by the gateway. Optional.")


@command(app, "install")
def install(
    call: Call,
    archive: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.tgz", help="The package that `npm pack` made, where there is no network."),
    ] = None,
) -> None:
    """Fetch the viewer's package with npm, check its digest and unpack it into the cache; once for all homes.

    Nothing of it is run here. `fiducia gateway serve` shows it at /viewer/ from its next start.

    \b
    Examples:
      fiducia viewer install
      fiducia viewer install --from ohif-app-3.13.2.tgz
    """
    installation = Installation(call.settings.cache_directory())
    with call.out.progress():
        done = installation.install(call.settings.npm_environment(), archive)
    call.out.facts({**_facts(installation), "changed": done})


@command(app, "show")
def show(call: Call) -> None:
    """Say which viewer this version takes, whether it is installed, and where.

    \b
    Example:
      fiducia viewer show
    """
    call.out.facts(_facts(Installation(call.settings.cache_directory())))


def _facts(installation: Installation) -> Fact:
    return {
        "viewer": f"{installation.package.title} {installation.package.version}",
        "installed": installation.there,
        "directory": str(installation.directory),
    }
