"""`study register` tells what it noticed about a series, and registers it with exit 0."""

from __future__ import annotations

import contextlib
import io
import os
from unittest.mock import patch

from fiducia.app.cli import main
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli


def test_a_missing_slice_is_told_and_the_study_is_registered(embedded: Cli, samples: SampleFolders) -> None:
    folder = samples.make(3, 9)
    for number in (4, 5):
        (folder / "in-2" / f"slice-{number:04}.dcm").unlink()
    study = embedded.register(folder)
    assert (study["series"], study["instances"], study["unchanged"]) == (2, 10, False)
    (finding,) = study["quality"]
    assert (finding["series"], finding["code"], finding["count"]) == (2, "MISSING_SLICES", 2)
    assert embedded.ok("study", "show", study["study_id"])["status"] == "ANCHORED"

    said = io.StringIO()
    own = patch.dict(os.environ, embedded.variables(), clear=True)
    with own, contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        assert main(["--home", str(embedded.home), "study", "register", str(folder)]) == 0
    assert said.getvalue().splitlines()[-2:] == [
        f"noticed in study {study['study_id']}, which is registered all the same:",
        "  series 2: 2 slices are missing between the first and the last, by position (MISSING_SLICES)",
    ]


def test_a_whole_study_has_an_empty_list(embedded: Cli, samples: SampleFolders) -> None:
    assert embedded.register(samples.make(5))["quality"] == []
