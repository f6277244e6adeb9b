"""The plan of what to decode reaches every frame, and no plan is cheaper."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyninf.data.decode_plan import JUMP_COST, Run, Standing, plan


@st.composite
def videos(draw):
    """Packets and key packets of frames, in groups of pictures that are open or closed."""
    packet_F, key_F = [], []
    start, before = 0, 0
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.integers(1, 6))
        leading = draw(st.integers(0, min(2, length - 1))) if start else 0
        order = draw(st.permutations(range(1, length)))
        # Leading frames are shown before the key frame; they need the group before as well.
        shown = [*order[:leading], 0, *order[leading:]]
        packet_F += [start + packet for packet in shown]
        key_F += [before] * leading + [start] * (length - leading)
        before, start = start, start + length
    return packet_F, key_F


def cost(runs: list[Run]) -> float:
    """In packets."""
    return sum(run.last + 1 - run.first + (JUMP_COST if run.jump else 0) for run in runs)


def cheapest(packet_F, key_F, wanted) -> float:
    """Over all ways to jump or go on before each frame."""
    best = float("inf")
    for jumps in product([True, False], repeat=len(wanted)):
        spent, start, position = 0.0, None, 0
        for frame, jump in zip(wanted, jumps, strict=True):
            if jump:
                spent += JUMP_COST
                start = position = key_F[frame]
            if start is None or not start <= key_F[frame]:
                break
            ahead = max(packet_F[frame] + 1 - position, 0)
            spent, position = spent + ahead, position + ahead
        else:
            best = min(best, spent)
    return best


@given(videos(), st.data())
def test_no_way_to_jump_and_go_on_is_cheaper(video, data):
    packet_F, key_F = video
    wanted = sorted(data.draw(st.sets(st.integers(0, len(packet_F) - 1), min_size=1, max_size=7)))
    assert cost(plan(packet_F, key_F, wanted)) == pytest.approx(cheapest(packet_F, key_F, wanted))


@given(videos(), st.data())
def test_every_frame_goes_in_after_its_key_frame(video, data):
    packet_F, key_F = video
    frames = st.integers(0, len(packet_F) - 1)
    wanted = data.draw(st.sets(frames, min_size=1))
    start = data.draw(st.sampled_from([None, *sorted(set(key_F))]))
    standing = start
    if start is not None:
        position = data.draw(st.integers(start + 1, len(packet_F)))
        inside = data.draw(st.sets(frames.filter(lambda f: start <= packet_F[f] < position)))
        standing = Standing(start, position, frozenset(inside))
    reached = []
    for run in plan(packet_F, key_F, wanted, standing):
        start = run.first if run.jump else start
        assert run.jump or run.first == standing.position
        for frame in run.frames:
            inside = not run.jump and frame in standing.inside
            assert inside or run.first <= packet_F[frame] <= run.last
            assert start <= key_F[frame]
        reached += run.frames
    assert reached == sorted(wanted)


def test_a_far_key_frame_is_jumped_to_and_a_near_one_is_not():
    packet_F = list(range(40))
    key_F = [packet // 10 * 10 for packet in packet_F]
    assert plan(packet_F, key_F, [12, 18, 20, 39]) == [
        Run(True, 10, 18, (12, 18)),
        Run(True, 20, 20, (20,)),
        Run(True, 30, 39, (39,)),
    ]
    assert plan(packet_F, key_F, [19, 20]) == [Run(True, 10, 20, (19, 20))]


def test_what_is_in_the_decoder_comes_out_without_a_jump():
    packet_F, key_F = [0, 2, 3, 1], [0, 0, 0, 0]
    assert plan(packet_F, key_F, [3], Standing(0, 3, frozenset({3}))) == [Run(False, 3, 2, (3,))]
    assert plan(packet_F, key_F, [3], Standing(0, 3)) == [Run(True, 0, 1, (3,))]
