"""What every examiner does, in its caller's process and behind a wall; then what only the wall is for."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pydicom import data as pydicom_data

from fiducia.adapters.dicom_files import FileIntake, FileSource
from fiducia.adapters.dicom_worker import messages, questions
from fiducia.adapters.dicom_worker.examiner import ConfinedExaminer
from fiducia.adapters.memory.examiner import DirectExaminer
from fiducia.adapters.memory.intake import MemorySource
from fiducia.core.dicom.examination import Examined, require_sound
from fiducia.core.dicom.geometry import Geometry, Plane
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import ConfigError, DicomError
from fiducia.ports import Examiner, InstanceSource
from fiducia.records.images import InstanceInfo, IntakeProblem, PatientIdentity
from fiducia.records.intake import Defect, Outcome
from tests.support import dicom as d
from tests.unit.app.test_processes import wait_for

PUBLISHED = Path(pydicom_data.__file__).parent / "test_files"


@pytest.fixture(scope="module")
def confined() -> Iterator[ConfinedExaminer]:
    with ConfinedExaminer() as examiner:
        yield examiner


@pytest.fixture(params=["direct", "confined"])
def examiner(request: pytest.FixtureRequest, confined: ConfinedExaminer) -> Examiner:
    return DirectExaminer() if request.param == "direct" else confined


def sources(*paths: Path) -> list[InstanceSource]:
    found = FileIntake(DirectExaminer()).find([str(path) for path in paths])
    return [each for each in found if not isinstance(each, IntakeProblem)]


def source(path: Path, data: bytes) -> InstanceSource:
    path.write_bytes(data)
    return sources(path)[0]


def patients(folder: Path, count: int) -> list[InstanceSource]:
    """Instances of patients "0", "1" and so on."""
    contents = [d.instance({0x00100020: ("LO", str(number).encode())}) for number in range(count)]
    return [source(folder / f"{number}.dcm", data) for number, data in enumerate(contents)]


def said(examiner: Examiner, one: InstanceSource) -> tuple[Examined | str, Examined | str]:
    """Both answers, or why there is none."""
    answers: list[Examined | str] = []
    for ask in (examiner.sort, examiner.describe):
        try:
            answers.append(ask(one))
        except DicomError as error:
            answers.append(str(error))
    return answers[0], answers[1]


def said_when_waited_for(answer: Callable[[], Examined]) -> Examined | str:
    try:
        return answer()
    except DicomError as error:
        return str(error)


# -- what every one does


def test_sorting_says_who_and_what_and_describing_says_all(examiner: Examiner, tmp_path: Path) -> None:
    one = source(tmp_path / "one.dcm", d.instance())
    sorted_, described = said(examiner, one)
    assert isinstance(sorted_, Examined)
    assert isinstance(described, Examined)
    assert sorted_.info == described.info
    assert sorted_.info.size_bytes == one.size_bytes
    assert (sorted_.dicom_json, sorted_.ranges) == (b"", b"")
    assert described.dicom_json.startswith(b'{"')
    assert len(list(described.frame_table())) == FrameLayout(described.layout).range_count(described.frame_count)


@pytest.mark.parametrize(
    "data", [b"", b"not DICOM" * 40, d.instance()[:-1], d.instance()[:200]], ids=["empty", "other", "cut", "cut early"]
)
def test_what_is_no_instance_is_refused(examiner: Examiner, tmp_path: Path, data: bytes) -> None:
    one = source(tmp_path / "one.dcm", data)
    with pytest.raises(DicomError):
        examiner.sort(one)
    with pytest.raises(DicomError):
        examiner.describe(one)


def test_a_file_that_changed_is_refused(examiner: Examiner, tmp_path: Path) -> None:
    one = source(tmp_path / "one.dcm", d.instance())
    (tmp_path / "one.dcm").write_bytes(d.instance() + b"\0\0")
    with pytest.raises(DicomError, match="changed"):
        examiner.describe(one)


def test_several_are_asked_ahead_and_each_is_answered_alone(examiner: Examiner, tmp_path: Path) -> None:
    contents = [d.instance(), b"not DICOM" * 40, d.instance(), d.instance()[:-1], d.instance()]
    found = [source(tmp_path / f"{number}.dcm", data) for number, data in enumerate(contents)]
    found.insert(2, MemorySource("held", len(contents[0]), {"held": contents[0]}))  # it has no file of its own
    found.insert(4, replace(found[0], where="gone", real_path=str(tmp_path / "gone")))  # type: ignore[type-var]
    answers = [examiner.ask(one, whole=number % 2 == 0) for number, one in enumerate(found)]
    assert [said_when_waited_for(answer) for answer in answers] == [
        said(DirectExaminer(), one)[number % 2 == 0] for number, one in enumerate(found)
    ]


def test_answers_may_be_waited_for_in_any_order_or_never(examiner: Examiner, tmp_path: Path) -> None:
    found = patients(tmp_path, 6)
    answers = [examiner.ask(one, whole=True) for one in found]
    assert examiner.sort(found[0]).info.identity.patient_id == "0"
    for number in (4, 1, 1, 3):
        assert answers[number]().info.identity.patient_id == str(number)


def test_a_media_directory_is_listed(examiner: Examiner) -> None:
    path = PUBLISHED / "dicomdirtests" / "DICOMDIR"
    status = path.stat()
    seen = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
    file_ids = examiner.directory(FileSource(str(path), status.st_size, str(path.resolve()), seen))
    assert len(file_ids) > 10
    assert all(part.isprintable() for file_id in file_ids for part in file_id)


def test_a_file_is_no_media_directory(examiner: Examiner, tmp_path: Path) -> None:
    with pytest.raises(DicomError):
        examiner.directory(source(tmp_path / "one.dcm", d.instance()))


def test_published_files_are_read_alike_on_both_sides_of_the_wall(confined: ConfinedExaminer) -> None:
    found = sources(PUBLISHED)
    assert len(found) > 100
    answers = [said(confined, one) for one in found]
    assert answers == [said(DirectExaminer(), one) for one in found]
    assert sum(isinstance(first, Examined) for first, _ in answers) > 60


@pytest.mark.parametrize("data", [d.instance(), d.instance()[:-1], b""], ids=["whole", "cut", "empty"])
def test_an_instance_without_a_file_is_read_alike(confined: ConfinedExaminer, data: bytes) -> None:
    one = MemorySource("here", len(data), {"here": data})
    assert said(confined, one) == said(DirectExaminer(), one)


def test_published_instances_without_files_are_read_alike(confined: ConfinedExaminer) -> None:
    held = {one.where: Path(one.where).read_bytes() for one in sources(PUBLISHED)}
    for where, data in held.items():
        one = MemorySource(where, len(data), held)
        assert said(confined, one) == said(DirectExaminer(), one)


# -- the wall

PROBE = """
    import ctypes, errno, os, resource, signal, socket, sys
    from fiducia.adapters.confined.confinement import confine
    open_before = os.open(sys.argv[1], os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    filtered = confine()

    def refused(act):
        try:
            act()
        except (OSError, MemoryError, ValueError):
            return True
        return False

    def connect():
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    found = [
        refused(lambda: bytearray(2 << 30)),
        refused(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))),
        os.pread(open_before, 3, 0) == b"abc",
    ]
    if filtered:
        found += [
            refused(lambda: os.open(sys.argv[1], os.O_RDONLY)),
            refused(lambda: os.open("/proc/self/mem", os.O_RDONLY)),
            refused(connect),
            refused(lambda: os.kill(os.getppid(), signal.SIGCONT)),
            refused(lambda: os.execv("/bin/true", ["true"])),
            refused(lambda: os.unlink(sys.argv[1])),
            refused(lambda: os.stat(sys.argv[1])),
            refused(lambda: os.fork()),
            libc.prctl(22, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.EPERM,
        ]
    sys.stdout.write(f"{int(filtered)} {found}\\n")
    sys.stdout.flush()
"""


def test_a_confined_process_can_do_nothing_but_read_what_is_open(tmp_path: Path) -> None:
    path = tmp_path / "open.txt"
    path.write_text("abc")
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(PROBE), str(path)], capture_output=True, text=True, timeout=60
    )
    filtered, _, found = done.stdout.partition(" ")
    assert filtered in {"0", "1"}, done.stderr
    assert "False" not in found, found
    assert path.read_text() == "abc"
    if os.uname().machine in ("x86_64", "aarch64") and sys.platform == "linux":
        assert filtered == "1", done.stderr


def processes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "dicom_worker" in " ".join(each.cmdline())]


def test_a_worker_that_died_is_replaced(tmp_path: Path) -> None:
    one = source(tmp_path / "one.dcm", d.instance())
    before = {each.pid for each in processes()}
    with ConfinedExaminer() as examiner:
        first = examiner.sort(one)
        (worker,) = (each for each in processes() if each.pid not in before)
        worker.kill()
        with pytest.raises(DicomError, match="broke the process"):
            examiner.sort(one)
        assert examiner.sort(one) == first
    wait_for(lambda: {each.pid for each in processes()} <= before)


# The worker of these answers as it should, but for files that hold a word of their own.
BREAKABLE = """
    import os, signal, socket, sys, time
    from dataclasses import replace
    from fiducia.adapters.dicom_worker import __main__ as worker
    from fiducia.adapters.dicom_worker.messages import Found
    answer, seized = worker._answer, []
    def act(stream, asked, size_bytes):
        word = stream.read(5)
        if word == b"break":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == b"stall":
            time.sleep(60)
        said = answer(stream, asked, size_bytes)
        if word == b"seize" or seized:
            seized.append(True)
            return Found(replace(said.examined, info=replace(said.examined.info, size_bytes=1)))
        return said
    worker._answer, worker.confine = act, lambda: True
    worker.main()
"""


@pytest.mark.parametrize(
    ("word", "places"),
    [
        (b"break", (0,)),
        (b"break", (7,)),
        (b"break", (1, 2)),
        (b"break", (0, 5, 7)),
        (b"stall", (3,)),
    ],
    ids=str,
)
def test_a_file_that_breaks_the_worker_takes_none_of_its_neighbours_along(
    tmp_path: Path, word: bytes, places: tuple[int, ...]
) -> None:
    contents = [word + bytes(200) if number in places else d.instance() for number in range(8)]
    found = [source(tmp_path / f"{number}.dcm", data) for number, data in enumerate(contents)]
    command = (sys.executable, "-I", "-c", textwrap.dedent(BREAKABLE))
    with ConfinedExaminer(command=command, answer_s=3.0) as examiner:
        answers = [said_when_waited_for(answer) for answer in [examiner.ask(one, whole=True) for one in found]]
    assert {number for number, each in enumerate(answers) if isinstance(each, str)} == set(places)
    assert all("broke the process" in answers[number] for number in places)  # type: ignore[operator]


def test_a_worker_that_says_what_cannot_be_true_says_nothing_of_the_files_behind(tmp_path: Path) -> None:
    contents = [b"seize" + d.instance()[5:] if number == 1 else d.instance() for number in range(5)]
    found = [source(tmp_path / f"{number}.dcm", data) for number, data in enumerate(contents)]
    command = (sys.executable, "-I", "-c", textwrap.dedent(BREAKABLE))
    with ConfinedExaminer(command=command) as examiner:
        ahead = [said_when_waited_for(answer) for answer in [examiner.ask(one, whole=True) for one in found]]
        in_turn = [said_when_waited_for(examiner.ask(one, whole=False)) for one in found]
    for answers in (ahead, in_turn):
        assert {number for number, each in enumerate(answers) if isinstance(each, str)} == {1}


def test_a_file_that_breaks_the_worker_is_named_while_others_ask_too(tmp_path: Path) -> None:
    """From several threads, each with files of its own: only the hostile ones are refused."""
    contents = [b"break" + bytes(200) if number % 3 == 1 else d.instance() for number in range(6)]
    found = [source(tmp_path / f"{number}.dcm", data) for number, data in enumerate(contents)]
    command = (sys.executable, "-I", "-c", textwrap.dedent(BREAKABLE))
    refused: list[set[int]] = []
    with ConfinedExaminer(command=command) as examiner:

        def ask_all() -> None:
            answers = [said_when_waited_for(answer) for answer in [examiner.ask(one, whole=True) for one in found]]
            refused.append({number for number, each in enumerate(answers) if isinstance(each, str)})

        threads = [threading.Thread(target=ask_all) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert refused == [{1, 4}] * 2


def test_who_is_asked_ahead_beyond_a_worker_s_last_file_is_answered_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "FILES_PER_WORKER", 4)
    found = patients(tmp_path, 6)
    with ConfinedExaminer() as examiner:
        answers = [examiner.ask(one, whole=True) for one in found]
        assert [answer().info.identity.patient_id for answer in answers] == [str(number) for number in range(6)]


def test_a_worker_outlives_the_thread_that_asked_first(tmp_path: Path) -> None:
    """Doors ask from threads that come and go."""
    one = source(tmp_path / "one.dcm", d.instance())
    before = {each.pid for each in processes()}
    found: list[Examined] = []
    seen = set()
    with ConfinedExaminer() as examiner:
        for _ in range(3):
            thread = threading.Thread(target=lambda: found.append(examiner.sort(one)))
            thread.start()
            thread.join()
            time.sleep(0.2)  # the signal of a parent's death is quick, not immediate
            seen |= {each.pid for each in processes()} - before
    assert len(found) == 3
    assert len(seen) == 1


def test_a_worker_is_replaced_after_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "FILES_PER_WORKER", 2)
    one = source(tmp_path / "one.dcm", d.instance())
    before = {each.pid for each in processes()}
    seen = set()
    with ConfinedExaminer() as examiner:
        for _ in range(5):
            examiner.sort(one)
            seen |= {each.pid for each in processes()} - before
    assert len(seen) == 3


ROGUES = {
    "silent": "time.sleep(60)",
    "gone": "sys.exit()",
    "too long": "channel.sendall(struct.pack('>I', 2**32 - 1)); time.sleep(60)",
    "cut short": "channel.sendall(struct.pack('>I', 500) + b'abc')",
    "nonsense": "channel.sendall(struct.pack('>I', 3) + b'abc')",
    "another type": "channel.sendall(struct.pack('>I', 1) + bytes([0xC0]))",
    "another answer": "channel.sendall(encode(Listed(())))",
    "a lie": "channel.sendall(encode(Found(LIE)))",
    "too much": "channel.sendall(encode(Wanted(0, 1 << 40)))",
    "a place before the beginning": "channel.sendall(encode(Wanted(-1, 1)))",
    "more and more": "while True: channel.sendall(encode(Wanted(0, 1)))",
}
ROGUE = """
    import socket, struct, sys, time
    from fiducia.adapters.dicom_worker.messages import Found, Listed, Wanted, encode
    from fiducia.core.dicom.examination import Examined
    from fiducia.records.images import InstanceInfo, PatientIdentity
    LIE = Examined(InstanceInfo(PatientIdentity("", "1"), "1.2", "1.3", "1.4", "1.5", "1.6", "CT", 200, 7))
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=int(sys.argv[1]))
    channel.sendall(b"\\1")
    while True:
        socket.recv_fds(channel, 9, 1)
        ACT
"""


@pytest.mark.parametrize("act", ROGUES)
def test_a_rogue_worker_is_not_believed_and_ends(tmp_path: Path, act: str) -> None:
    program = textwrap.dedent(ROGUE).replace("ACT", ROGUES[act])
    one = source(tmp_path / "one.dcm", d.instance())
    with ConfinedExaminer(command=(sys.executable, "-I", "-c", program), answer_s=1.0) as examiner:
        for _ in range(2):
            with pytest.raises(DicomError, match="have it looked at"):
                examiner.sort(one)
    wait_for(lambda: not [each for each in psutil.Process().children() if "LIE" in " ".join(each.cmdline())])


def test_a_worker_that_does_not_start_is_a_matter_of_set_up(tmp_path: Path) -> None:
    one = source(tmp_path / "one.dcm", d.instance())
    broken = ConfinedExaminer(command=(sys.executable, "-I", "-c", "raise SystemExit(1)"))
    with broken as examiner, pytest.raises(ConfigError, match="does not start"):
        examiner.sort(one)


HONEST = Examined(
    InstanceInfo(PatientIdentity("", "1"), "1.2", "1.3", "1.4", "1.5", "1.6", "CT", 200, 1000), 1, 1, b"{}", 0, 0, b""
)
LIES = {
    "size": {"size_bytes": 999},
    "no header": {"header_bytes": 100},
    "header beyond the end": {"header_bytes": 1001},
    "study": {"study_instance_uid": "1.2\n"},
    "series": {"series_instance_uid": ""},
    "instance": {"sop_instance_uid": "1" * 65},
    "class": {"sop_class_uid": "a"},
    "transfer syntax": {"transfer_syntax_uid": "1..2"},
    "nobody": {"identity": PatientIdentity("", "")},
    "long name": {"identity": PatientIdentity("", "1" * 65)},
    "unprintable issuer": {"identity": PatientIdentity("\x1b[2J", "1")},
    "modality": {"modality": "\n"},
}
FRAMES_LIES = {
    "unknown layout": {"layout": 9},
    "no such range": {"layout": 1, "frame_count": 1},
    "half a range": {"layout": 1, "frame_count": 1, "ranges": bytes(15)},
    "in the header": {"layout": 1, "frame_count": 1, "ranges": bytes(16)},
    "beyond the end": {"layout": 3, "frame_count": 1, "ranges": (900).to_bytes(8, "big") + (101).to_bytes(8, "big")},
    "fewer than none": {"frame_count": -1},
}


def test_what_is_true_is_believed() -> None:
    assert require_sound(HONEST, 1000) is HONEST
    whole = replace(HONEST, layout=3, frame_count=4, ranges=(900).to_bytes(8, "big") + (100).to_bytes(8, "big"))
    assert require_sound(whole, 1000) is whole


@pytest.mark.parametrize("lie", LIES)
def test_what_cannot_be_true_of_an_instance_is_not_believed(lie: str) -> None:
    with pytest.raises(DicomError):
        require_sound(replace(HONEST, info=replace(HONEST.info, **LIES[lie])), 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize("lie", FRAMES_LIES)
def test_what_cannot_be_true_of_frames_is_not_believed(lie: str) -> None:
    with pytest.raises(DicomError):
        require_sound(replace(HONEST, **FRAMES_LIES[lie]), 1000)  # type: ignore[arg-type]


def test_a_refusal_is_shown_as_one_printable_line() -> None:
    shown = messages.Refused("a\x1b[2J\nb" * 100).text()
    assert shown.startswith("a[2Jba[2Jb")
    assert shown.isprintable()
    assert len(shown) <= 400


PLACE = Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), bytes(8))
NOWHERE = {
    "not a number": Geometry(planes=(replace(PLACE, position=(float("nan"), 0.0, 0.0)),)),
    "far away": Geometry(planes=(replace(PLACE, position=(0.0, 2e6, 0.0)),)),
    "endless": Geometry(slice_thickness=float("inf")),
    "too many": Geometry(planes=(PLACE,) * 2049),
}


@pytest.mark.parametrize("lie", NOWHERE)
def test_what_cannot_be_a_place_is_not_believed(lie: str) -> None:
    assert require_sound(replace(HONEST, geometry=Geometry(planes=(PLACE,) * 2048)), 1000).geometry
    with pytest.raises(DicomError):
        require_sound(replace(HONEST, geometry=NOWHERE[lie]), 1000)


@pytest.mark.parametrize("defect", [Defect("a\x1b", Outcome.ACCEPTED, ""), Defect("a", Outcome.ACCEPTED, "b\n")])
def test_what_would_draw_on_a_terminal_is_not_believed(defect: Defect) -> None:
    with pytest.raises(DicomError):
        require_sound(replace(HONEST, defects=(defect,)), 1000)
