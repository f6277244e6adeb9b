"""Compact logits: what they tell exactly, what they bound, and what they refuse.

Legend: V videos, K checkpoints, N classes.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.networks import gap_middles, labelled, random_clips
from tests.trace.traces import random_trace

from dyninf.grid import Network
from dyninf.policies import (
    Entropy,
    Evidence,
    LearnedGate,
    Margin,
    MaxProbability,
    Oracle,
    Patience,
    Policy,
    RandomExit,
    fit_temperature,
)
from dyninf.trace import KeptLogits, LogitsForm, Promise, Trace, calibrate, sweep

EXACT = (MaxProbability(), Margin(), Patience(), RandomExit(), Oracle(), LearnedGate())


def kept(trace: Trace, form: str) -> Trace:
    """The same trace in another form."""
    made, N = LogitsForm(form), len(trace.info.classes)
    return replace(trace, logits_VKN=KeptLogits(made.rows(trace.logits_VKN), made, N))


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(7, 40), st.integers(0, 1000), st.floats(0.1, 30))
def test_a_replay_of_the_largest_logits_is_that_of_all_for_criteria_that_read_no_more(
    V: int, K: int, N: int, seed: int, size: float
) -> None:
    full = random_trace(V, K, N, seed, gates=True)
    full.logits_VKN.mul_(size)
    compact = kept(full, "top6")
    assert torch.equal(compact.ranked_VKn, full.ranked_VKn)
    for policy in EXACT:
        scores_VK = full.scores(policy)
        torch.testing.assert_close(compact.scores(policy), scores_VK, rtol=0, atol=2e-6)
        threshold = [*gap_middles(scores_VK, 1e-4), 0.5][0]
        if not ((scores_VK - threshold).abs() > 1e-5).all():
            continue
        one, other = (trace.replay(policy.with_threshold(threshold)) for trace in (full, compact))
        assert torch.equal(one.checkpoint_V, other.checkpoint_V)
        assert torch.equal(one.predicted_V, other.predicted_V)
        assert (one.top1, one.top5, one.mean_macs) == (other.top1, other.top5, other.mean_macs)


def test_probabilities_of_nearly_1_can_still_be_told_apart() -> None:
    lead_V = torch.linspace(20, 30, 50)
    logits_VKN = torch.zeros(50, 1, 12)
    logits_VKN[:, 0, 3] = lead_V
    logits_VKN[:, 0, 7] = 1
    full = replace(
        random_trace(50, 1, 12), logits_VKN=logits_VKN, label_V=torch.full((50,), 3, dtype=torch.long)
    )
    miss_V, exact_V = (1 - trace.scores(MaxProbability())[:, 0] for trace in (kept(full, "top5"), full))
    assert (miss_V.diff() < 0).all()
    torch.testing.assert_close(miss_V, exact_V, rtol=1e-5, atol=1e-15)


@given(st.integers(7, 60), st.floats(0.2, 8), st.integers(0, 1000))
def test_entropy_of_the_largest_logits_lies_within_its_bounds_or_is_refused(
    N: int, size: float, seed: int
) -> None:
    full = random_trace(20, 3, N, seed)
    full.logits_VKN.mul_(size)
    compact, policy = kept(full, "top6"), Entropy()
    logits = compact.logits_VKN
    assert isinstance(logits, KeptLogits)
    least, most = (policy.scores(Evidence(each)) for each in (logits[:20], logits.gathered(slice(20))))
    exact_VK = full.scores(policy)
    rounding = 5e-3  # of leads in float16
    assert (exact_VK >= least - rounding).all()
    assert (exact_VK <= most + rounding).all()
    if (most - least).max() > 0.01:
        with pytest.raises(ValueError, match=r"do not tell Entropy enough.*may be off by 0"):
            compact.scores(policy)
    else:
        torch.testing.assert_close(compact.scores(policy), exact_VK, rtol=0, atol=0.01 + rounding)


@pytest.mark.parametrize("temperature", [0.5, 1.5])
def test_a_temperature_on_the_largest_logits_is_bounded_as_well(temperature: float) -> None:
    policy, full = MaxProbability(temperature=temperature), random_trace(200, 3, 40)
    full.logits_VKN.mul_(6)
    compact = kept(full, "top20")
    torch.testing.assert_close(compact.scores(policy), full.scores(policy), rtol=0, atol=0.01)
    flat = replace(full, logits_VKN=full.logits_VKN / 20)
    with pytest.raises(ValueError, match="do not tell MaxProbability enough"):
        kept(flat, "top5").scores(MaxProbability(temperature=3.0))


def test_a_temperature_fitted_to_the_largest_logits_is_nearly_that_of_all() -> None:
    full = random_trace(500, 3, 40)
    full.logits_VKN.mul_(6)
    found, expected = (fit_temperature(each.logits_VKN, each.label_V) for each in (kept(full, "top20"), full))
    assert found == pytest.approx(expected, rel=0.15)


class Second(Policy):
    """Reads what it likes, and does not say what."""

    def scores(self, evidence: Evidence) -> torch.Tensor:
        return self.probabilities(evidence).sort(-1).values[..., -3]


class Lowered(MaxProbability):
    def scores(self, evidence: Evidence) -> torch.Tensor:
        return super().scores(evidence) * self.probabilities(evidence).amin(-1)


def test_a_policy_that_does_not_say_what_it_reads_is_refused_by_name() -> None:
    full = random_trace(20, 3, 12)
    for policy in (Second(), Lowered()):
        with pytest.raises(ValueError, match=f"{type(policy).__name__} may read all logits.*6 largest alone"):
            kept(full, "top6").scores(policy)
        scores_VK = kept(full, "float16").scores(policy)
        torch.testing.assert_close(scores_VK, full.scores(policy), rtol=0.02, atol=1e-3)


@given(st.integers(2, 40), st.floats(0.1, 50), st.integers(0, 1000))
def test_float16_moves_probabilities_by_no_more_than_it_says(N: int, size: float, seed: int) -> None:
    full = random_trace(30, 2, N, seed)
    full.logits_VKN.mul_(size)
    exact_VK, found_VK = (trace.scores(MaxProbability()) for trace in (full, kept(full, "float16")))
    assert ((found_VK - exact_VK).abs() / exact_VK).max() <= 2**-11 * math.log(N) + 1e-6
    assert torch.equal(kept(full, "float16").ranked_VKn[..., 0], full.ranked_VKn[..., 0])


def test_twenty_of_seven_hundred_classes_take_a_thirtieth_of_the_space(tmp_path: Path) -> None:
    sizes = {}
    for form in ("float32", "float16", "top20"):
        trace = random_trace(4, 12, 700)
        trace = trace if form == "float32" else kept(trace, form)
        trace.save(tmp_path / form)
        rows = np.load(tmp_path / form / "logits.npy")
        sizes[form] = rows.nbytes / 4
        assert (tmp_path / form / "logits.npy").stat().st_size - rows.nbytes < 500
    assert sizes == {"float32": 33600, "float16": 16800, "top20": 1056}


@pytest.mark.parametrize("form", ["float32", "float16", "top6"])
@pytest.mark.parametrize("mapped", [False, True])
def test_each_form_comes_back_from_disk_and_replays_alike_mapped_or_not(
    form: str, mapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = random_trace(1500, 3, 9, gates=True)
    trace = trace if form == "float32" else kept(trace, form)
    trace.save(tmp_path / "trace")
    monkeypatch.setattr("dyninf.trace.trace_file.MAPPED_FROM", 0 if mapped else 1 << 40)
    found = Trace.load(tmp_path / "trace")
    logits = found.logits_VKN
    assert found.form.name == form
    assert isinstance(logits, KeptLogits) == (mapped or form != "float32")
    assert mapped == (isinstance(logits, KeptLogits) and isinstance(logits.rows, np.memmap))
    for one, other in (
        (found, trace),
        (found.without({"x"}), trace),
        (found, Trace.load(tmp_path / "trace")),
    ):
        assert torch.equal(one.scores(Margin()), other.scores(Margin()))
        assert torch.equal(one.ranked_VKn, other.ranked_VKn)
    half, expected = (each.without(set(trace.video_ids[::2])) for each in (found, trace))
    assert torch.equal(half.scores(MaxProbability()), expected.scores(MaxProbability()))
    assert torch.equal(half.ranked_VKn, expected.ranked_VKn)
    curves = [sweep(each, LearnedGate(), 50).rows() for each in (found, trace)]
    assert curves[0] == curves[1]
    for promise in (Promise(0.02), Promise(budget="60%", solver="direct"), Promise(0.1, confidence=0.9)):
        fits = [calibrate(each, MaxProbability(), promise).threshold for each in (found, trace)]
        assert fits[0] == fits[1]
    # A mapped trace can be saved again over itself.
    half.save(tmp_path / "trace")
    assert torch.equal(Trace.load(tmp_path / "trace").scores(Margin()), expected.scores(Margin()))


def test_a_network_is_recorded_in_a_form(small_network: Network) -> None:
    batch = labelled(random_clips(3, 8))
    with pytest.raises(ValueError, match="top5 is for 6 to 65536 classes, and there are 5"):
        Trace.record(small_network, [batch], logits="top5")
    half = Trace.record(small_network, [batch], logits="float16")
    full = Trace.record(small_network, [batch])
    assert half.form == LogitsForm("float16")
    found_KN, expected_KN = half.logits_VKN[1].softmax(-1), full.logits_VKN[1].softmax(-1)
    torch.testing.assert_close(found_KN, expected_KN, rtol=5e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["logits.npy", "gates.npy", "videos.csv", "trace.json"])
@pytest.mark.parametrize("form", ["float32", "top6"])
def test_a_flipped_bit_anywhere_is_refused_with_the_name_of_its_file(
    name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dyninf.trace.trace_file.MAPPED_FROM", 0)
    trace = random_trace(20, 3, 9, gates=True)
    (trace if form == "float32" else kept(trace, form)).save(tmp_path / "trace")
    path = tmp_path / "trace" / name
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 12).astype(int):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"the trace at .*trace is damaged") as error:
            Trace.load(tmp_path / "trace")
        assert name == "trace.json" or f"{name}: it is torn" in str(error.value)
    path.write_bytes(content)
    assert len(Trace.load(tmp_path / "trace").video_ids) == 20


def test_classes_beyond_those_that_there_are_are_refused() -> None:
    trace = kept(random_trace(5, 2, 9), "top6")
    assert isinstance(trace.logits_VKN, KeptLogits)
    trace.logits_VKN.rows["classes"][3] = 9
    with pytest.raises(ValueError, match="logits name class 9 of 9"):
        trace.scores(MaxProbability())
