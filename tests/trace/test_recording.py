"""Recording to a folder: the same bytes whoever records, and whoever is killed.

Legend: B clips, T frames, C, H, W, V videos.
"""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.networks import SIZE, Labelled, random_clips, random_network

from dyninf.grid import Network
from dyninf.trace import LogitsForm, Plan, Recording, Share, Trace, info_of, left_out_of, record_to
from dyninf.trace.recording import POLL_SECONDS, Load
from dyninf.trace.shard import Shard

VIDEOS, SHARD, BATCH = 101, 16, 4
fork = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network("resnet_small", "depth", 2, width=8, head_width=16, gates=4)


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    return random_clips(VIDEOS, 2)


def plan_of(network: Network, videos: int = VIDEOS, **changes: object) -> Plan:
    plan = Plan(
        info_of(network, "drawn/test"), tuple(f"v{v}" for v in range(videos)), batch=BATCH, videos=SHARD
    )
    return replace(plan, **changes)


class Source:
    """A loader of clips that notes which batches were asked for. at: called before each batch is given."""

    def __init__(
        self, clips: torch.Tensor, without: Iterable[int] = (), at: Callable[[int], None] = lambda first: None
    ) -> None:
        self.clips, self.without, self.at = clips, set(without), at
        self.asked: list[int] = []

    def __call__(self, batches: Iterable[list[int]]) -> Iterator[Labelled]:
        for batch in batches:
            self.asked.append(batch[0])
            self.at(batch[0])
            there = [place for place in batch if place not in self.without]
            if there:
                yield Labelled(self.clips[there], torch.tensor(there) % 5, [f"v{place}" for place in there])

    def left_out(self) -> dict[str, str]:
        return {f"v{place}": "is torn" for place in self.without}


def content(folder: Path) -> dict[str, bytes]:
    """Of a trace's files; nothing else lies beside it."""
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def undisturbed(network: Network, clips: torch.Tensor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "trace"
    record_to(folder, network, plan_of(network), Source(clips))
    return folder


def test_a_recording_is_what_a_trace_in_memory_is(
    network: Network, clips: torch.Tensor, undisturbed: Path
) -> None:
    found = Trace.load(undisturbed)
    expected = Trace.record(network, Source(clips)([[v] for v in range(VIDEOS)]), "drawn/test")
    torch.testing.assert_close(found.logits_VKN, expected.logits_VKN, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.gate_VK, expected.gate_VK, rtol=1e-4, atol=1e-5)
    assert found.video_ids == expected.video_ids == tuple(f"v{v}" for v in range(VIDEOS))
    assert torch.equal(found.label_V, expected.label_V)
    assert torch.equal(found.macs_K, expected.macs_K)
    assert torch.equal(found.macs_K, network.costs(SIZE, SIZE).macs_K)
    assert found.info == expected.info


# Processes -------------------------------------------------------------------------------------------


def started(
    folder: Path, network: Network, source: Source | Load, share: Share, asked: Path | None = None
) -> multiprocessing.process.BaseProcess:
    """A process that records; it appends the batches that it asked for to a file."""

    def work() -> None:
        torch.set_num_threads(1)
        record_to(folder, network, plan_of(network), source, share)
        if asked is not None:
            with asked.open("a") as file:
                file.write("".join(f"{first}\n" for first in source.asked))

    process = fork.Process(target=work)
    process.start()
    return process


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_together_record_each_video_once_and_leave_the_bytes_of_a_single_one(
    processes: int, network: Network, clips: torch.Tensor, undisturbed: Path, tmp_path: Path
) -> None:
    folder, asked = tmp_path / "out/trace", tmp_path / "asked"
    there = [
        started(folder, network, Source(clips), Share(rank, processes), asked) for rank in range(processes)
    ]
    for process in there:
        process.join(60)
    assert [process.exitcode for process in there] == [0] * processes
    assert content(folder) == content(undisturbed)
    assert sorted(map(int, asked.read_text().split())) == [*range(0, VIDEOS, BATCH)]
    assert len(Trace.load(folder).video_ids) == VIDEOS


def test_what_a_lost_process_was_at_is_taken_over(
    network: Network, clips: torch.Tensor, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out/trace"

    def hang(first: int) -> None:
        (tmp_path / "hangs").touch()
        time.sleep(600)

    lost = started(folder, network, Source(clips, at=hang), Share(1, 2))
    wait_for(lambda: (tmp_path / "hangs").exists())
    loads = tmp_path / "loads"

    def load(batches: Iterable[list[int]]) -> Iterator[Labelled]:
        with loads.open("a") as file:
            file.write("again ")
        return Source(clips)(batches)

    first = started(folder, network, load, Share(0, 2))
    shards = plan_of(network).shards
    wait_for(lambda: len([*(tmp_path / "out").glob(".trace.recording-*/*.pt")]) == shards - 1)
    time.sleep(5 * POLL_SECONDS)
    assert first.is_alive()
    os.kill(lost.pid or 0, signal.SIGKILL)
    first.join(60)
    lost.join(60)
    assert first.exitcode == 0
    assert content(folder) == content(undisturbed)
    assert loads.read_text().split() == ["again", "again"]  # while it waited, no loader was made


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Kills -----------------------------------------------------------------------------------------------


def calls_until_the_end(work: Callable[[], object], killed_before: int = 0) -> int | None:
    """Do it in a process that counts its calls that change the disk; None if it was killed at the n-th."""
    result, answer = fork.Pipe(duplex=False)

    def live() -> None:
        torch.set_num_threads(1)
        calls = [0]
        for name in ("fsync", "replace", "mkdir", "rmdir", "unlink"):
            setattr(os, name, counted(getattr(os, name), calls, killed_before))
        work()
        answer.send(calls[0])

    process = fork.Process(target=live)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return None if process.exitcode else result.recv()


def counted(function: Callable[..., object], calls: list[int], last: int) -> Callable[..., object]:
    def call(*arguments: object, **options: object) -> object:
        calls[0] += 1
        if calls[0] == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    return call


def test_a_recording_killed_at_any_call_goes_on_to_the_same_bytes(
    network: Network, clips: torch.Tensor, tmp_path: Path
) -> None:
    plan = replace(plan_of(network, form=LogitsForm("float16")), videos=8)
    plan = replace(plan, video_ids=plan.video_ids[:22])
    calls = calls_until_the_end(lambda: record_to(tmp_path / "0/trace", network, plan, Source(clips)))
    assert calls is not None
    expected = content(tmp_path / "0/trace")
    draw = random.Random(0)
    for trial in range(1, 26):
        folder = tmp_path / str(trial) / "trace"
        last = draw.randint(1, calls)
        assert calls_until_the_end(lambda: record_to(folder, network, plan, Source(clips)), last) is None  # noqa: B023
        record_to(folder, network, plan, Source(clips))
        assert content(folder) == expected


def test_finished_shards_are_not_recorded_again(
    network: Network, clips: torch.Tensor, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "trace"

    def stop(first: int) -> None:
        if first >= 3 * SHARD + BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_to(folder, network, plan_of(network), Source(clips, at=stop))
    again = Source(clips)
    record_to(folder, network, plan_of(network), again)
    assert again.asked == [*range(3 * SHARD, VIDEOS, BATCH)]
    assert content(folder) == content(undisturbed)
    done = Source(clips)
    assert record_to(folder, network, plan_of(network), done) is not None
    assert record_to(folder, network, plan_of(network), done, Share(1, 2)) is None
    assert done.asked == []
    assert content(folder) == content(undisturbed)


def half_recorded(folder: Path, network: Network, clips: torch.Tensor) -> list[Path]:
    """The shards of a recording that lacks its last one."""

    def stop(first: int) -> None:
        if first == 6 * SHARD:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_to(folder, network, plan_of(network), Source(clips, at=stop))
    return sorted(folder.parent.glob(".trace.recording-*/*.pt"))


def test_a_damaged_shard_is_recorded_again_and_one_of_another_plan_never_used(
    network: Network, clips: torch.Tensor, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "trace"
    shards = half_recorded(folder, network, clips)
    torn, flipped = shards[1].read_bytes(), bytearray(shards[4].read_bytes())
    shards[1].write_bytes(torn[: len(torn) // 2])
    flipped[len(flipped) // 2] ^= 1
    shards[4].write_bytes(flipped)
    again = Source(clips)
    record_to(folder, network, plan_of(network), again)
    assert sorted(again.asked) == [*range(16, 32, 4), *range(64, 80, 4), *range(96, VIDEOS, 4)]
    assert content(folder) == content(undisturbed)

    other = random_network("resnet_small", "depth", 2, seed=1, width=8, head_width=16, gates=4)
    half_recorded(tmp_path / "two" / "trace", network, clips)
    anew = Source(clips)
    trace = record_to(tmp_path / "two" / "trace", other, plan_of(other), anew)
    assert trace is not None
    assert anew.asked == [*range(0, VIDEOS, BATCH)]
    trace.check_same_network(other)
    assert content(tmp_path / "two" / "trace") != content(undisturbed)


# Each video once -------------------------------------------------------------------------------------


def test_missing_and_double_videos_are_refused_by_name(
    network: Network, clips: torch.Tensor, tmp_path: Path
) -> None:
    folder, plan = tmp_path / "trace", plan_of(network)
    path = half_recorded(folder, network, clips)[2]
    shard = Shard.load(path, plan)
    ids = list(shard.part.video_ids)
    for changed, said in (
        ([*ids[:3], ids[4], *ids[4:]], "twice there: v36"),
        ([*ids[:3], "v0", *ids[4:]], "not there: v35"),
        ([ids[1], ids[0], *ids[2:]], "not in the order of their split"),
    ):
        replace(shard, part=shard.part._replace(video_ids=changed)).save(path)
        with pytest.raises(ValueError, match=said):
            record_to(folder, network, plan, Source(clips))
        assert not folder.exists()


def test_a_video_that_the_loader_loses_repeats_or_invents_ends_the_recording(
    network: Network, clips: torch.Tensor, tmp_path: Path
) -> None:
    class Wrong(Source):
        wrong = ""

        def __call__(self, batches: Iterable[list[int]]) -> Iterator[Labelled]:
            for batch in super().__call__(batches):
                yield batch
                if self.wrong and "v40" in batch.video_id:
                    yield replace(batch, video_id=[self.wrong] * len(batch.video_id))

    for wrong, said in (
        ("", "not there: v50"),
        ("v41", "twice there: v41"),
        ("v0", "the loader gave v0, which it was not asked for, or again"),
        ("v1000", "the loader gave v1000, which is no video of drawn/test"),
    ):
        source = Wrong(clips, without=[50])
        source.wrong = wrong
        with pytest.raises(ValueError, match=said):
            record_to(tmp_path / said / "trace", network, plan_of(network), source)


def test_videos_that_are_left_out_with_a_reason_stay_out_and_their_reasons_are_kept(
    network: Network, clips: torch.Tensor, tmp_path: Path
) -> None:
    gone, plan = [*range(32, 48), 3, 100], plan_of(network, skips=True)
    source = Source(clips, without=gone)
    trace = record_to(tmp_path / "trace", network, plan, source, left_out=source.left_out)
    assert trace is not None
    assert trace.video_ids == tuple(f"v{v}" for v in range(VIDEOS) if v not in gone)
    assert left_out_of(tmp_path / "trace") == source.left_out()
    again = Source(clips)
    assert record_to(tmp_path / "trace", network, plan, again) is not None
    assert again.asked == []
    # A trace of all videos is another plan, for which this one is not the whole.
    strict = record_to(tmp_path / "trace", network, plan_of(network), Source(clips))
    assert strict is not None
    assert len(strict.video_ids) == VIDEOS
    nothing = Source(clips, without=range(VIDEOS))
    with pytest.raises(ValueError, match="no video of drawn/test could be recorded"):
        record_to(tmp_path / "none", network, plan, nothing, left_out=nothing.left_out)


def test_a_recording_takes_the_place_of_a_trace_but_not_of_other_files(
    network: Network, clips: torch.Tensor, tmp_path: Path
) -> None:
    short = plan_of(network, videos=8)
    record_to(tmp_path / "trace", network, short, Source(clips))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="mine holds other files"):
        record_to(tmp_path / "mine", network, short, Source(clips))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_settings_that_make_no_sense_are_refused_before_anything_is_recorded(network: Network) -> None:
    for changes, said in (
        ({"logits": "top3"}, "at least 5 such as top20; got 'top3'"),
        ({"logits": "float64"}, "kept as float32, float16, or top"),
        ({"shard": 0}, "a shard needs 1 video or more"),
    ):
        with pytest.raises(ValueError, match=said):
            Recording(**changes)
    with pytest.raises(ValueError, match="top20 is for 21 to 65536 classes, and there are 5"):
        plan_of(network, form=LogitsForm("top20"))


@pytest.mark.parametrize(
    ("environment", "share"),
    [
        ({}, Share()),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, Share(3, 8, 1)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}, Share(2, 4, 0)),
        ({"RANK": "0", "WORLD_SIZE": "many", "LOCAL_RANK": "0"}, Share()),
    ],
)
def test_a_launcher_says_which_process_this_is(
    environment: dict[str, str], share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Share.of_environment() == share
    assert sorted(share.order(11)) == [*range(11)]
    assert share.device("cpu") == "cpu"
