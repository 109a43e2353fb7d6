"""`fiducia intake serve` as a process: a modality sends, asks, and is told once its study is on the ledger."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli
from tests.support.dimse import COMMITMENT, CT, EXPLICIT, PEER, Reports, ask, associated, data_set_of, store
from tests.unit.app.test_dimse import within
from tests.unit.app.test_dimse_senders import free_port


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_modality_sends_and_may_delete_once_it_is_on_the_ledger(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    files = [path.read_bytes() for path in sorted(samples.make(3).rglob("*")) if path.is_file()]
    watched, port, reports = tmp_path / "scanner", free_port(), Reports()
    watched.mkdir()
    (watched / "no.txt").write_text("no DICOM at all")
    (watched / "third.dcm").write_bytes(files[2])
    doors = ("--dicom-port", port, "--allow", PEER, "--watch", watched, "--quiet", 5)
    with embedded.started("intake", "serve", *doors) as process:
        assert within(60, lambda: is_listening(port) or process.poll() is not None)
        contexts = ((CT, EXPLICIT), (COMMITMENT, EXPLICIT))
        with associated(port, *contexts, reports=reports) as association:
            assert [store(association, file).Status for file in files[:2]] == [0, 0]
            (waiting,) = embedded.ok("intake", "list")
            assert waiting["series"] == 1
            instances = [(CT, str(data_set_of(file)[0].MediaStorageSOPInstanceUID)) for file in files]
            assert ask(association, instances[:2], "2.25.1") == 0
            assert within(60, lambda: reports.came)
        ((event, _),) = reports.came
        assert event == 1
        assert embedded.ok("intake", "list") == []
        assert embedded.ok("intake", "close", "--enrol-new")["studies"] == []
        assert [path.name for path in (tmp_path / "refused").iterdir()] == ["no.txt"]
        assert list(watched.iterdir()) == []
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    for secret in (PEER, "SAMPLE-1", *(uid for _, uid in instances)):
        assert secret not in out + err


def test_no_door_is_a_question(embedded: Cli) -> None:
    assert embedded.run("intake", "serve").code == 2
