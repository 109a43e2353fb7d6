"""A fault ends its process at its point, and only there."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from fiducia.adapters.faults import FaultSteps
from fiducia.errors import ConfigError


@pytest.mark.parametrize("fault", ["", None])
def test_without_a_fault_nothing_happens(fault: str | None) -> None:
    FaultSteps(fault).reached("fetch.asked")


@pytest.mark.parametrize("fault", ["Fetch", "fetch:0", "fetch:-1", "fetch:x", "fetch:1:2", " fetch", "a" * 70])
def test_a_fault_in_no_form_is_a_settings_error(fault: str) -> None:
    with pytest.raises(ConfigError):
        FaultSteps(fault)


@pytest.mark.parametrize(("fault", "times"), [("a.point", 1), ("a.point:3", 3)])
def test_the_process_is_killed_at_the_point_and_not_before(fault: str, times: int) -> None:
    program = (
        "import sys; from fiducia.adapters.faults import FaultSteps; steps = FaultSteps(sys.argv[1])\n"
        "steps.reached('another.point')\n"
        "for number in range(1, 9):\n"
        "    print(number, flush=True)\n"
        "    steps.reached('a.point')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, fault], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == [str(number) for number in range(1, times + 1)]
