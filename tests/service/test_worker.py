"""The worker answers clips of many threads, drops what is not begun, and ends in order."""

import threading
import time

import pytest
from tests.networks import SIZE, random_clips
from tests.runtime.clips import MemoryClip

from dyninf import infer
from dyninf.grid import Network
from dyninf.policies import MaxProbability
from dyninf.runtime import Queues, Runner
from dyninf.service import Worker, WorkerEndedError

POLICY = MaxProbability(0.5)


def worker_for(network: Network, batch: int = 4) -> Worker:
    return Worker(Queues(Runner(network, SIZE, SIZE), POLICY, batch, decoders=2, finish_first=True))


def test_clips_of_many_threads_are_answered_as_alone(small_network: Network) -> None:
    video_BTCHW = random_clips(24, small_network.num_frames)
    clips = [MemoryClip(small_network, video, seconds=0.002) for video in video_BTCHW]
    expected = infer(small_network, video_BTCHW, POLICY)
    worker = worker_for(small_network)
    worker.start()
    found: dict[int, int] = {}

    def ask(numbers: range) -> None:
        for number in numbers:
            found[number] = worker.submit(clips[number]).result(30).label

    threads = [threading.Thread(target=ask, args=(range(start, 24, 6),)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.stop()
    assert [found[number] for number in range(24)] == expected.label_B.tolist()
    assert all(clip.closed == 1 for clip in clips)


def test_stopping_answers_what_was_given_and_drops_what_nobody_waits_for(small_network: Network) -> None:
    clips = [
        MemoryClip(small_network, video, seconds=0.05) for video in random_clips(4, small_network.num_frames)
    ]
    worker = worker_for(small_network, batch=1)
    futures = [worker.submit(clip) for clip in clips]
    assert futures[2].cancel()
    worker.start()
    worker.stop()
    assert [future.done() and not future.cancelled() for future in futures] == [True, True, False, True]
    assert not clips[2].asked
    assert all(clip.closed == 1 for clip in clips)
    assert not worker.is_well
    late = MemoryClip(small_network, random_clips(1, small_network.num_frames)[0])
    with pytest.raises(WorkerEndedError):
        worker.submit(late)
    assert late.closed == 1


def test_a_slow_clip_does_not_keep_others_from_being_begun(small_network: Network) -> None:
    slow, quick = (
        MemoryClip(small_network, video, seconds=seconds)
        for video, seconds in zip(random_clips(2, small_network.num_frames), (0.6, 0.0), strict=True)
    )
    worker = worker_for(small_network)
    worker.start()
    waits = worker.submit(slow)
    time.sleep(0.1)
    worker.submit(quick)
    time.sleep(0.2)
    assert quick.asked
    assert not waits.done()
    worker.stop()


def test_an_idle_worker_uses_no_processor(small_network: Network) -> None:
    worker = worker_for(small_network)
    worker.start()
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.1
    worker.stop()
