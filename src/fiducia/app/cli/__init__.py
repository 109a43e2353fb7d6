"""The command line: noun, then verb. Facts on stdout, progress and errors on stderr, one exit code per kind of end.

Owns the command tree's root and the one error boundary: 0 done, 1 a finding or failed verification, 2 usage,
settings or wrong network, 3 refused by policy, 4 a part unreachable, stale or not final, 5 bad input, 130
interrupted. Commands are in the modules beside this one, a module per noun (`nouns` loads them); they decide nothing.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Any, cast

import typer
import typer.main

from fiducia.app.cli import stack
from fiducia.app.cli.common import AsOption, Common, HomeOption, JsonOption
from fiducia.app.cli.nouns import Nouns
from fiducia.app.interruptions import ended_by_signals
from fiducia.app.output import Output
from fiducia.app.settings import load
from fiducia.errors import FiduciaError

EXIT_INTERRUPTED = 130
EXIT_UNEXPECTED = 1

HELP = """A consent ledger for medical images: patients grant, hospitals share, the chain decides, anyone can audit.

Start a development consortium, then walk the main path:

\b
  fiducia up --detach
  fiducia study register FOLDER --enrol-new        (names the profile of each new patient)
  fiducia grant give --study ID --to clinician --purpose TREAT --until 2030-01-31 --as patient-2
  fiducia study fetch ID --purpose TREAT --out images
  fiducia grant revoke --all
  fiducia audit verify

Exit codes: 0 done · 1 a finding or failed verification · 2 usage, settings, wrong network · 3 refused by policy ·
4 a part unreachable, stale or not final · 5 bad input.
"""

app = typer.Typer(
    name="fiducia", cls=Nouns, help=HELP, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fiducia {metadata.version('fiducia')}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    home: HomeOption = None,
    acting: AsOption = None,
    as_json: JsonOption = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that may stand before the noun; the help is `HELP`."""
    ctx.ensure_object(Common).take(home, acting, as_json)


stack.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error ends here.

    Args:
        arguments: the words after the program's name; those of this process when None.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    common = Common(as_json="--json" in words)  # an error while the words are read is answered in JSON, too
    with ended_by_signals():
        try:
            return _run(words, common)
        except FiduciaError as error:
            Output(common.as_json).error(error)
            _trace()
            return error.exit_code
        except typer.TyperException as error:
            return _usage(error, common)
        except (KeyboardInterrupt, typer.Abort):
            Output(common.as_json).failure("interrupted", "interrupted", EXIT_INTERRUPTED)
            return EXIT_INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has gone; Python must not complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_UNEXPECTED
        except Exception as error:  # the last resort: its text may quote anything, so only its kind is shown
            detail = f"a defect in fiducia ({type(error).__name__}); set FIDUCIA_DEBUG=1 to see where"
            Output(common.as_json).failure("defect", detail, EXIT_UNEXPECTED)
            _trace()
            return EXIT_UNEXPECTED


def _run(words: list[str], common: Common) -> int:
    code = typer.main.get_command(app).main(words, prog_name="fiducia", standalone_mode=False, obj=common)
    sys.stdout.flush()
    if code == EXIT_INTERRUPTED:  # this is what typer makes of a KeyboardInterrupt
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException, common: Common) -> int:
    """Show what is wrong with the words that were given."""
    from typer import rich_utils  # takes a while to load; most commands never need it

    rich_utils.rich_format_error(cast(Any, error))  # typer declares it for its own, unexported class
    if common.as_json:
        Output(True).problem("usage", error.format_message(), error.exit_code)
    return error.exit_code


def _trace() -> None:
    try:
        wanted = load().debug
    except FiduciaError:
        wanted = False
    if wanted:
        traceback.print_exc()
