"""The one error boundary: each kind of end has its exit code, and with --json stdout is one JSON document."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from fiducia import errors
from fiducia.app import cli
from fiducia.app.cli import common
from fiducia.errors import DeniedError, FiduciaError
from tests.support.commands import every_command

RAISED: list[BaseException] = []
SEEN: list[common.Call] = []


def _probe(call: common.Call, word: Annotated[str, typer.Argument()] = "") -> int | None:
    """Do what a test asks for."""
    SEEN.append(call)
    if RAISED:
        raise RAISED[0]
    return int(word) if word.isdecimal() else None


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The real root with one noun more, `test probe`."""
    app = typer.Typer(callback=cli.root, rich_markup_mode="rich")
    noun = common.noun("test", "For tests.")
    common.command(noun, "probe")(_probe)
    app.add_typer(noun)
    monkeypatch.setattr(cli, "app", app)
    for name in ("HOME", "DEBUG", "KEY", "PASSPHRASE", "STOP_AT"):
        monkeypatch.delenv(f"FIDUCIA_{name}", raising=False)
    RAISED.clear()
    SEEN.clear()
    return app


KINDS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, FiduciaError)]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("kind", KINDS)
def test_every_error_ends_in_its_exit_code_with_its_message(
    kind: type[FiduciaError], capsys: pytest.CaptureFixture[str]
) -> None:
    RAISED.append(kind("what to do about it"))
    assert cli.main(["test", "probe"]) == kind.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert "what to do about it" in err


@pytest.mark.usefixtures("tree")
def test_a_denial_prints_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    RAISED.append(DeniedError("GRANT_REVOKED"))
    assert cli.main(["test", "probe", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["reason"] == "GRANT_REVOKED"
    assert "GRANT_REVOKED" in err


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("words", [["--json", "test", "probe"], ["test", "probe", "--json"]])
def test_an_error_in_json_is_one_problem_document(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    RAISED.append(errors.LedgerStaleError("the head is old"))
    assert cli.main(words) == 4
    problem = json.loads(capsys.readouterr().out)
    assert problem["exit_code"] == 4
    assert problem["type"].endswith("ledger-stale")
    assert problem["detail"] == "the head is old"


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    "words", [["test", "nothing"], ["nothing"], ["test", "probe", "--what"], ["test", "probe", "a", "b"], []]
)
def test_usage_errors_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert not SEEN
    capsys.readouterr()


@pytest.mark.usefixtures("tree")
def test_a_usage_error_in_json_is_a_problem_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", "probe", "--json", "--what"]) == 2
    assert json.loads(capsys.readouterr().out)["exit_code"] == 2


@pytest.mark.usefixtures("tree")
def test_a_defect_exits_1_and_quotes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    RAISED.append(ValueError("a patient's name"))
    assert cli.main(["test", "probe"]) == 1
    out, err = capsys.readouterr()
    assert "a patient's name" not in out + err
    assert "ValueError" in err
    assert "FIDUCIA_DEBUG" in err


@pytest.mark.usefixtures("tree")
def test_a_defect_shows_where_when_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FIDUCIA_DEBUG", "1")
    RAISED.append(ValueError("what"))
    assert cli.main(["test", "probe"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.usefixtures("tree")
def test_an_interruption_exits_130(capsys: pytest.CaptureFixture[str]) -> None:
    RAISED.append(KeyboardInterrupt())
    assert cli.main(["test", "probe"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.usefixtures("tree")
def test_a_command_may_choose_its_exit_code() -> None:
    assert cli.main(["test", "probe", "5"]) == 5
    assert cli.main(["test", "probe"]) == 0


@pytest.mark.usefixtures("tree")
def test_common_options_count_before_the_noun_and_after_the_verb_where_the_later_wins(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert cli.main(["--home", str(one), "--as", "patient", "test", "probe"]) == 0
    assert cli.main(["--home", str(one), "--as", "patient", "test", "probe", "--home", str(two), "--as", "x"]) == 0
    assert [(call.home.root, call.acting) for call in SEEN] == [(one, "patient"), (two, "x")]


COMMANDS = {path: inspect.getdoc(command.callback) or "" for path, command in every_command()}

PROMISED = """
up, down, status, member admit, member list, key publish, key list, badge issue, badge show, patient enrol,
patient list, study register, study list, study show, study fetch, grant give, grant revoke, grant list, grant show,
audit verify, audit report
"""


def test_every_promised_command_is_there() -> None:
    promised = {tuple(each.split()) for each in " ".join(PROMISED.split()).split(", ")}
    assert promised <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_teaches_with_an_example_and_takes_the_common_options(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"fiducia {' '.join(path)}" in COMMANDS[path]
    assert cli.main([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--json", "--home", "--as"))


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fiducia ")


def test_an_empty_home_is_exit_2_and_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--home", str(tmp_path / "empty"), "study", "list"]) == 2
    assert "fiducia up" in capsys.readouterr().err


def test_a_command_loads_its_own_noun_alone() -> None:
    code = """
import sys
from fiducia.app.cli import main, nouns
assert main(["broker", "serve", "--help"]) == 0
print([name for name in nouns.NOUNS if f"fiducia.app.cli.{name}" in sys.modules])
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['broker']"


def test_a_noun_that_is_mistyped_is_told_what_may_be_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["quarantin", "list"]) == 2
    assert "Did you mean 'quarantine'?" in " ".join(capsys.readouterr().err.split())
