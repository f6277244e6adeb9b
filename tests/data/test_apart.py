"""A process that reads videos may die or hang: its video is reported, and the others are what they were.

T frames asked for, H, W pixels.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest
from tests.data.published import write_images
from tests.data.test_damaged_videos import grey

from dyninf.data import Apart, Here, Limits, VideoError, VideoLimitError, measure
from dyninf.data.decoder_wire import receive, send

GROUPS = [[0, 16], [8, 24], [4, 20], [12, 31]]


@pytest.fixture(scope="module")
def video(numbered_video: Callable[..., Path]) -> Path:
    return numbered_video()


@pytest.fixture(scope="module")
def expected(video: Path) -> list[np.ndarray]:
    with Here().source(video).open() as reader:
        return list(reader.groups(GROUPS))


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with Apart(timeout=30) as processes:
        yield processes


def check_reads(apart: Apart, video: Path, expected: list[np.ndarray], times: int = 1) -> None:
    for _ in range(times):
        with apart.source(video).open() as reader:
            for given, wanted in zip(reader.groups(GROUPS), expected, strict=True):
                np.testing.assert_array_equal(given, wanted)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


def test_frames_numbers_and_errors_are_those_of_reading_here(
    apart: Apart, video: Path, expected: list[np.ndarray], tmp_path: Path
) -> None:
    check_reads(apart, video, expected)
    write_images(tmp_path / "images", expected[0])
    (tmp_path / "text.mp4").write_text("no film")
    for path in (video, tmp_path / "images"):
        with apart.source(path).open() as there, Here().source(path).open() as here:
            assert (there.count(), there.rate()) == (here.count(), here.rate())
            np.testing.assert_array_equal(there.read([1, 0, 1]), here.read([1, 0, 1]))
            for indices in ([99], [-1], []):
                with pytest.raises(ValueError) as alike:
                    here.read(indices)
                with pytest.raises(type(alike.value)) as caught:
                    there.read(indices)
                assert str(caught.value) == str(alike.value)
    for path in (tmp_path / "text.mp4", tmp_path / "nowhere.mp4", Path("two\nlines"), Path("\udcff")):
        with pytest.raises(VideoError) as alike, Here().source(path).open():
            pass
        with pytest.raises(VideoError) as caught, apart.source(path).open():
            pass
        assert str(caught.value) == str(alike.value)
    assert apart.measure(video) == measure(video)
    with pytest.raises(VideoLimitError, match="more than max_frames=3 lets it"):
        apart.measure(video, Limits(max_frames=3))


def test_a_killed_process_costs_no_video_its_frames(
    apart: Apart, video: Path, expected: list[np.ndarray]
) -> None:
    with apart.source(video).open() as one, apart.source(video).open() as other:
        walks = one.groups(GROUPS), other.groups(GROUPS)
        for number, wanted in enumerate(expected):
            for walk in walks:
                np.testing.assert_array_equal(next(walk), wanted)
            if number in (0, 2):
                [pid] = apart.pids
                os.kill(pid, signal.SIGKILL)
    check_reads(apart, video, expected)


def test_a_process_that_dies_again_and_again_is_the_fault_of_its_video(
    apart: Apart, video: Path, expected: list[np.ndarray]
) -> None:
    is_over = threading.Event()

    def kill() -> None:
        while not is_over.wait(0.001):
            for pid in apart.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSEGV)

    with apart.source(video).open() as waiting:
        walk = waiting.groups(GROUPS)
        np.testing.assert_array_equal(next(walk), expected[0])
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            with pytest.raises(VideoError, match=r"the process .* \(SIGSEGV\)"):
                check_reads(apart, video, expected, times=1000)  # one of them is hit twice
        finally:
            is_over.set()
            killer.join()
        np.testing.assert_array_equal(list(walk), expected[1:])


def test_a_process_that_hangs_is_ended_and_its_video_reported(
    video: Path, expected: list[np.ndarray]
) -> None:
    with Apart(timeout=4) as apart, apart.source(video).open() as waiting:
        walk = waiting.groups(GROUPS)
        next(walk)
        [pid] = apart.pids
        with apart.source(video).open() as reader:
            os.kill(pid, signal.SIGSTOP)
            with pytest.raises(VideoError, match=r"took more than 4 s to read"):
                reader.count()
        assert is_gone(pid)
        np.testing.assert_array_equal(list(walk), expected[1:])


def test_what_takes_more_memory_than_a_process_may_have_is_reported(
    tmp_path: Path, video: Path, expected: list[np.ndarray]
) -> None:
    path = grey(tmp_path / "large.avi", 4000, 4000)
    with Apart(memory_mb=600) as apart, ExitStack() as files:
        waiting = files.enter_context(apart.source(video).open()).groups(GROUPS)
        next(waiting)
        with pytest.raises(VideoError, match="takes more memory to read than decoder_memory_mb lets it"):
            files.enter_context(apart.source(path).open()).read([0] * 40)
        np.testing.assert_array_equal(list(waiting), expected[1:])


def test_after_ctrl_c_no_answer_is_that_to_another_question(
    apart: Apart, video: Path, expected: list[np.ndarray]
) -> None:
    with apart.source(video).open() as reader:
        walk = reader.groups(GROUPS)
        next(walk)
        [pid] = apart.pids
        os.kill(pid, signal.SIGSTOP)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            with pytest.raises(KeyboardInterrupt):
                reader.count()
        finally:
            signal.signal(signal.SIGINT, before)
        assert is_gone(pid)
        np.testing.assert_array_equal(list(walk), expected[1:])


def test_threads_have_processes_of_their_own_and_leave_them_to_those_that_come(
    video: Path, expected: list[np.ndarray]
) -> None:
    with Apart() as apart:
        for _ in range(2):
            threads = [threading.Thread(target=check_reads, args=(apart, video, expected)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            pids = apart.pids
            assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


def test_a_process_ends_with_the_one_that_started_it_also_if_that_is_killed(video: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom dyninf.data import Apart\n"
        "apart = Apart()\nopened = apart.source(Path(sys.argv[1])).open().__enter__()\n"
        "print(*apart.pids, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(video)], stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        pid = int(maker.stdout.readline())
        os.kill(pid, signal.SIGSTOP)  # whatever it is doing
        maker.kill()
        maker.wait()
        os.kill(pid, signal.SIGCONT)
        end = time.monotonic() + 10
        while not is_gone(pid):
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.mark.parametrize(
    "message",
    [
        {"shape": [1, 10**6, 10**6, 3]},
        {"shape": [1, 2, 2, 4]},
        {"shape": [1, -2, -2, 3]},
        {"shape": "large"},
        [],
    ],
)
def test_what_a_process_may_not_say_is_refused_before_memory_is_taken(message: object) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(theirs, message)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"frames of shape|no object"):
            receive(ours, most_bytes=1000)
