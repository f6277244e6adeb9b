"""Queues: every clip is answered once, in order, as if it were alone; in full batches, in bounded memory.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

import random
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.networks import SIZE, random_clips, random_network, relative_difference, require_package
from tests.runtime.clips import MemoryClip, broken

from dyninf import infer
from dyninf.grid import Network
from dyninf.policies import LearnedGate, MaxProbability, Patience, Policy, RandomExit
from dyninf.runtime import Answer, Queues, Runner, answer_clips, engine_named, stops_of
from dyninf.runtime.waiting import Waiting

SHARES = [0.3, 0.1, 0.1, 0.05, 0.05, 0.1, 0.02, 0.03, 0.05, 0.05, 0.05, 0.1]


@pytest.fixture(scope="module")
def runner(small_network: Network) -> Runner:
    return Runner(small_network, SIZE, SIZE)


def check_answers(runner: Runner, policy: Policy, clips: int, **options: object) -> list[MemoryClip]:
    """The clips, after comparing what the queues say with `infer` for each alone."""
    network = runner.network
    video_BTCHW = random_clips(clips, network.num_frames)
    given = [MemoryClip(network, video, f"clip-{i}") for i, video in enumerate(video_BTCHW)]
    answers = list(answer_clips(runner, policy, given, **options))
    assert [answer.number for answer in answers] == list(range(clips))
    assert [answer.name for answer in answers] == [clip.name for clip in given]
    expected = infer(runner, video_BTCHW, policy)
    for b, (answer, clip) in enumerate(zip(answers, given, strict=True)):
        assert answer.error is None
        assert answer.label == expected.label_B[b]
        assert answer.checkpoint == expected.checkpoint_B[b]
        assert answer.macs == expected.macs_B[b]
        assert answer.probability == pytest.approx(expected.probability_B[b].item(), abs=1e-4)
        assert relative_difference(answer.logits_N, expected.logits_BN[b]) <= 1e-4
        assert answer.frames_decoded == clip.frames_decoded
        assert clip.closed == 1
        assert len(clip.threads) == 1
    return given


def answers_of(queues: Queues, clips: Iterable[MemoryClip]) -> list[Answer]:
    """Of all clips, each added as soon as there is room."""
    answers = []
    for clip in clips:
        while not queues.has_room:
            answers += queues.turn(more=True)
        queues.add(clip)
    while queues.clips:
        answers += queues.turn()
    return answers


@given(
    shares=st.lists(st.floats(0, 1), min_size=12, max_size=12).filter(lambda shares: sum(shares) > 0.1),
    clips=st.integers(1, 40),
    batch=st.integers(1, 9),
    decoders=st.integers(1, 3),
)
@hypothesis_settings(max_examples=25)
def test_a_clip_in_the_queues_is_a_clip_alone(
    runner: Runner, shares: list[float], clips: int, batch: int, decoders: int
) -> None:
    policy = RandomExit([share / sum(shares) for share in shares])
    check_answers(runner, policy, clips, batch=batch, decoders=decoders)


@pytest.mark.parametrize(
    "policy", [Patience(2), MaxProbability(0.4), MaxProbability(0.0), MaxProbability(2.0)]
)
@pytest.mark.parametrize("batch", [1, 4])
def test_policies_see_what_they_see_alone(runner: Runner, policy: Policy, batch: int) -> None:
    check_answers(runner, policy, 11, batch=batch)


def test_gates_are_asked_in_the_queues_as_they_are_alone() -> None:
    network = random_network("resnet_small", "joint", 4, gates=16)
    check_answers(Runner(network, SIZE, SIZE), LearnedGate(0.5), 9, batch=3)


def test_a_route_cut_for_the_policy_gives_the_same(small_network: Network) -> None:
    thresholds = [2.0] * 12
    thresholds[4] = 0.3
    policy = MaxProbability(thresholds)
    assert stops_of(policy, 12) == (4, 11)
    runner = Runner(small_network, SIZE, SIZE, stops=stops_of(policy, 12))
    assert [step.checkpoints for step in runner.steps] == [tuple(range(5)), tuple(range(5, 12))]
    check_answers(runner, policy, 10, batch=4)
    whole = infer(small_network, random_clips(10, 8), policy)
    assert torch.equal(whole.checkpoint_B, infer(runner, random_clips(10, 8), policy).checkpoint_B)


def test_a_clip_that_would_leave_where_nothing_was_cut_is_an_error(small_network: Network) -> None:
    runner = Runner(small_network, SIZE, SIZE, stops=[5])
    with pytest.raises(
        ValueError, match=r"would leave at checkpoint 0 \(from 0\), where this runner was not cut"
    ):
        infer(runner, random_clips(2, 8), MaxProbability(0.0))


def test_frames_are_decoded_only_for_clips_that_are_still_there(runner: Runner) -> None:
    for batch in (1, 4):
        given = check_answers(runner, RandomExit([0.5, 0, 0, 0.3, 0, 0, 0, 0, 0, 0, 0, 0.2]), 40, batch=batch)
        asked = {len(clip.asked) for clip in given}
        assert asked == {1, 2, 4}


def test_late_steps_run_in_full_batches(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: dict[int, list[int]] = {}
    run = Runner.run

    def noting(self: Runner, step: object, carried: object, frames: object) -> object:
        result = run(self, step, carried, frames)
        sizes.setdefault(step.number, []).append(len(result.logits_BjN))
        return result

    monkeypatch.setattr(Runner, "run", noting)
    given = [MemoryClip(runner.network, video) for video in random_clips(100, 8)]
    list(answer_clips(runner, RandomExit(SHARES), given, batch=8))
    assert set(sizes) == set(range(12))
    for found in sizes.values():
        assert all(size == 8 for size in found[:-1]), sizes


@pytest.mark.parametrize("leaving, copies", [(0.0, 0), (0.5, 1)])
def test_a_full_batch_that_nobody_leaves_is_not_copied(
    monkeypatch: pytest.MonkeyPatch, leaving: float, copies: int
) -> None:
    network = random_network("resnet_small", "depth", 4)
    clips, K = 4, len(network.checkpoints)
    policy = RandomExit([leaving] + [0.0] * (K - 2) + [1 - leaving])
    left = infer(network, random_clips(clips, 4), policy).checkpoint_B.tolist().count(0)
    assert (left == 0) if leaving == 0 else (0 < left < clips)
    copied: list[int] = []
    put_many = Waiting.put_many

    def counted(self: Waiting, step: int, *arguments: Any) -> None:
        copied.append(step)
        put_many(self, step, *arguments)

    monkeypatch.setattr(Waiting, "put_many", counted)
    check_answers(Runner(network, SIZE, SIZE), policy, clips, batch=clips)
    # Behind the first step; from then on they are fewer than a batch.
    assert copied.count(1) == copies
    assert bool(copied) == bool(copies)


def test_an_engine_that_writes_over_its_results_is_not_noticed() -> None:
    require_package("openvino")
    places = [[1, 2], [1, 3], [2, 2], [2, 3]]
    network = random_network("resnet_small", "joint", 4, groups=2, checkpoints=places)
    policy = RandomExit([0.4, 0.0, 0.3, 0.3])
    stops = stops_of(policy, len(network.checkpoints))
    runner = Runner(network, SIZE, SIZE, engine_named("openvino"), batch=3, stops=stops, cache=True)
    check_answers(runner, policy, 14, batch=3)
    check_answers(runner, policy, 14, batch=3, memory_mb=1)


def test_what_cannot_be_read_or_judged_is_an_answer_and_the_others_go_on(runner: Runner) -> None:
    network, policy = runner.network, RandomExit([0.1, 0, 0, 0.2, 0, 0, 0.2, 0, 0, 0, 0, 0.5])
    video_BTCHW = random_clips(30, 8)
    draw = random.Random(0)
    for batch in (1, 4):
        bad = {i: draw.choice(["first", "third", "nan"]) for i in range(0, 30, 3)}
        clips = [
            MemoryClip(
                network,
                broken(video) if bad.get(i) == "nan" else video,
                f"clip-{i}",
                fails_at={"first": 1, "third": 3}.get(bad.get(i, "")),
            )
            for i, video in enumerate(video_BTCHW)
        ]
        answers = list(answer_clips(runner, policy, clips, batch=batch))
        assert [answer.number for answer in answers] == list(range(30))
        expected = infer(runner, video_BTCHW, policy)
        for i, answer in enumerate(answers):
            passes = expected.checkpoint_B[i] < {"third": 6, "first": 0, "nan": 0}.get(bad.get(i, ""), 99)
            if passes:
                assert answer.label == expected.label_B[i]
                assert answer.error is None
            else:
                assert answer.label is None
                assert ("not finite" if bad[i] == "nan" else "cannot be read") in answer.error
                assert f"clip-{i}" in answer.error
        assert all(clip.closed == 1 for clip in clips)


def test_buffers_stay_under_their_limit_and_nothing_is_lost(runner: Runner) -> None:
    with pytest.raises(ValueError, match=r"memory_mb=0\.001 is not enough: batches of 1 need 1 at least"):
        Queues(runner, RandomExit(SHARES), memory_mb=0.001)
    with Queues(runner, RandomExit(SHARES), batch=4, memory_mb=1000) as queues:
        least = 3 * max(queues.waiting.bytes_of_steps) / 2**20
    with pytest.raises(ValueError, match=r"memory_mb=.* is not enough: batches of 4 need 1 at least"):
        Queues(runner, RandomExit(SHARES), batch=4, memory_mb=least * 0.99)
    for factor in (1.0, 1.3, 2.5):
        video_BTCHW = random_clips(60, 8)
        given = [MemoryClip(runner.network, video) for video in video_BTCHW]
        with Queues(runner, RandomExit(SHARES), batch=4, memory_mb=least * factor) as queues:
            answers = answers_of(queues, given)
            assert queues.waiting.peak_bytes <= least * factor * 2**20
            assert queues.waiting.held_bytes == 0
        assert sorted(answer.number for answer in answers) == list(range(60))
        expected = infer(runner, video_BTCHW, RandomExit(SHARES))
        for answer in answers:
            assert answer.label == expected.label_B[answer.number]


def test_batches_that_go_straight_on_stay_under_the_limit() -> None:
    network = random_network("msdnet_small", "depth", 4, blocks=5, reduction=0.0)
    runner, policy = Runner(network, SIZE, SIZE), RandomExit([0.1, 0.0, 0.0, 0.0, 0.9])
    assert len(runner.steps) == 5
    with Queues(runner, policy, batch=2, memory_mb=1000) as queues:
        least = 3 * max(queues.waiting.bytes_of_steps) / 2**20
    video_BTCHW = random_clips(20, 4)
    expected = infer(runner, video_BTCHW, policy)
    for factor in (1.0, 1.5, 3.0):
        given = (MemoryClip(network, video) for video in video_BTCHW)
        with Queues(runner, policy, batch=2, memory_mb=least * factor) as queues:
            answers = answers_of(queues, given)
            assert queues.waiting.peak_bytes <= least * factor * 2**20
            assert queues.waiting.held_bytes == 0
        assert {answer.number: answer.label for answer in answers} == dict(
            enumerate(expected.label_B.tolist())
        )


def test_a_clip_by_itself_goes_through_in_the_least_memory_that_is_taken(runner: Runner) -> None:
    with Queues(runner, MaxProbability(2.0)) as queues:
        least = sum(queues.waiting.bytes_of_steps) / 2**20
    check_answers(runner, MaxProbability(2.0), 5, memory_mb=least)
    with pytest.raises(ValueError, match="is not enough"):
        Queues(runner, MaxProbability(2.0), memory_mb=least * 0.99)


def test_queues_that_are_left_half_way_close_every_clip(runner: Runner) -> None:
    given = [MemoryClip(runner.network, video, seconds=0.01) for video in random_clips(20, 8)]
    answers = answer_clips(runner, MaxProbability(2.0), given, batch=4)
    next(answers)
    answers.close()
    assert all(clip.closed == 1 for clip in given if clip.asked)
