"""What a report's page is given: the same numbers as replaying the traces.

Legend: V videos, K checkpoints, P operating points.
"""

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.files import content_text
from tests.trace.traces import random_trace

from dyninf.policies import Entropy, LearnedGate, MaxProbability, Patience, Policy
from dyninf.report import trace_source
from dyninf.report.dashboard import Content, write_page
from dyninf.report.dashboard.content import top_probabilities
from dyninf.trace import Trace, sweep

POLICIES: dict[str, Policy] = {
    "entropy": Entropy(),
    "patience": Patience(),
    "max_probability": MaxProbability(),
}


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), packed["type"])
    return values.reshape(packed["shape"])


def calibration_trace(*shape: int, seed: int) -> Trace:
    trace = random_trace(*shape, seed=seed)
    return replace(trace, info=replace(trace.info, split="random/calibration"))


def reached(content: Content, number: int) -> np.ndarray:
    """How many thresholds each video has reached by each checkpoint but the last (K - 1, V)."""
    curve = content.curves[number]
    steps = unpacked(curve["reached"]).astype(int)
    if curve["base"] is not None:
        steps = (steps + unpacked(content.curves[curve["base"]]["reached"])) % 256
    return steps.cumsum(0)


def column(curve: dict[str, Any], name: str) -> np.ndarray:
    group, names = ("values", "rows") if name in curve["rows"] else ("counted", "counts")
    return unpacked(curve[group])[curve[names].index(name)]


@pytest.mark.parametrize("checkpoints", [1, 2, 5])
def test_every_point_of_every_curve_is_what_replaying_gives(checkpoints: int) -> None:
    trace, held_out = random_trace(90, checkpoints), calibration_trace(70, checkpoints, seed=1)
    content = Content(points=40)
    content.add(trace_source(trace, held_out, POLICIES, MaxProbability(0.4)))
    names = [content.curves[number]["policy"] for number in content.runs[0]["curves"]]
    assert names == ["max_probability", "entropy", "patience"]
    for number in content.runs[0]["curves"]:
        curve = content.curves[number]
        policy = POLICIES[curve["policy"]]
        exact = sweep(trace, policy, 40)
        assert np.allclose(column(curve, "threshold"), exact.threshold_P, rtol=1e-6)
        assert np.allclose(column(curve, "gmacs"), exact.macs_P / 1e9, rtol=1e-6)
        assert (column(curve, "right") / len(trace.label_V) == exact.top1_P.numpy()).all()
        steps_KV = reached(content, number)
        for p, threshold in enumerate(exact.threshold_P.tolist()):
            outcome = trace.replay(policy.with_threshold(threshold))
            leaves_KV = np.vstack([steps_KV > p, np.ones((1, 90), bool)])
            assert (leaves_KV.argmax(0) == outcome.checkpoint_V.numpy()).all()
        calibrated = sweep(held_out, policy, exact.threshold_P)
        assert np.allclose(column(curve, "calibration_gmacs"), calibrated.macs_P / 1e9, rtol=1e-6)
        assert (column(curve, "calibration_right") / 70 == calibrated.top1_P.numpy()).all()


def test_the_operating_point_is_where_the_policy_lets_videos_leave() -> None:
    trace, policy = random_trace(80), MaxProbability([0.5, 0.3, 0.4])
    content = Content()
    content.add(trace_source(trace, None, {}, policy))
    [run] = content.runs
    assert (unpacked(run["own"]["exit"]) == trace.replay(policy).checkpoint_V.numpy()).all()
    assert run["own"]["thresholds"] == [0.5, 0.3, 0.4, None]
    assert run["dynamic"]["top1"] == trace.replay(policy).top1


def test_what_each_checkpoint_says_of_each_video_is_there() -> None:
    trace = random_trace(80)
    content = Content()
    content.add(trace_source(trace, None, {}))
    [found] = content.traces
    assert (unpacked(found["label"]) == trace.label_V.numpy()).all()
    assert (unpacked(found["predicted"]) == trace.logits_VKN.argmax(-1).numpy()).all()
    exact = top_probabilities(trace)
    stored = unpacked(found["probability"])
    assert np.abs(stored / 65535 - exact).max() < 1 / 65535
    assert (
        np.floor(stored.astype(float) * 15 / 65535) == np.floor(exact * 15)
    ).all()  # the bins of the diagram


def test_runs_on_the_same_trace_share_it_and_its_curves() -> None:
    trace = random_trace(60)
    content = Content()
    for threshold in (0.3, 0.6):
        content.add(trace_source(trace, None, {}, MaxProbability(threshold)))
    content.add(trace_source(random_trace(60, seed=5), None, {}, MaxProbability(0.3)))
    assert [run["trace"] for run in content.runs] == [0, 0, 1]
    assert [run["curves"] for run in content.runs] == [[0], [0], [1]]


def test_another_policy_of_the_own_ones_name_is_told_apart() -> None:
    content = Content()
    own = MaxProbability(0.5, temperature=3.0)
    content.add(trace_source(random_trace(60), None, {"max_probability": MaxProbability()}, own))
    assert [curve["policy"] for curve in content.curves] == ["max_probability", "max_probability (as given)"]


def test_a_policy_that_lacks_what_it_asks_is_left_out_with_the_reason() -> None:
    content = Content()
    content.add(trace_source(random_trace(60), None, {"learned_gate": LearnedGate()}, MaxProbability(0.5)))
    assert len(content.curves) == 1
    [note] = content.runs[0]["notes"]
    assert note.startswith("No curve of learned_gate: ")
    assert "gates" in note


@pytest.mark.parametrize("points", [1, 256])
def test_a_number_of_points_that_a_page_cannot_hold_is_refused(points: int) -> None:
    with pytest.raises(ValueError, match="points must be from 2 to 255"):
        Content(points)


def test_the_page_holds_names_as_data_only(tmp_path: Path) -> None:
    evil = "</script><script>alert('1')</script><!-- & \u2028"
    write_page({"title": evil, "bound": float("inf")}, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    held = content_text(tmp_path / "page.html")
    assert json.loads(held) == {"title": evil, "bound": None}
    assert evil not in text


def test_bands_are_the_intervals_of_a_sweep() -> None:
    from dyninf.trace import with_band

    trace = random_trace(80)
    content = Content(points=30)
    content.add(trace_source(trace, None, {"max_probability": MaxProbability()}))
    banded, _ = with_band(sweep(trace, MaxProbability(), 30), trace, MaxProbability())
    bounds = torch.stack([banded.top1_low_P, banded.top1_high_P])  # type: ignore[list-item]
    assert np.abs(unpacked(content.curves[0]["band"]) / 65535 - bounds.numpy()).max() < 1 / 65535


def test_runs_on_one_trace_with_other_calibration_have_curves_of_their_own() -> None:
    trace, content = random_trace(60), Content(points=20)
    for seed in (1, 2, 1):
        held_out = calibration_trace(50, 4, seed=seed)
        content.add(trace_source(trace, held_out, {}, MaxProbability(0.5)))
    assert [run["trace"] for run in content.runs] == [0, 0, 0]
    assert [run["own_curve"] for run in content.runs] == [0, 1, 0]


def test_a_calibration_trace_of_other_costs_is_not_used_and_that_is_said() -> None:
    held_out = calibration_trace(50, 4, seed=1)
    dearer = replace(held_out, macs_K=3 * held_out.macs_K)
    content = Content(points=20)
    content.add(trace_source(random_trace(60), dearer, {}, MaxProbability(0.5)))
    assert content.curves[0]["counts"] == ["right"]
    assert "cost other than" in content.runs[0]["notes"][0]


def test_thresholds_cannot_be_chosen_on_the_trace_that_is_reported() -> None:
    trace = random_trace(60)
    with pytest.raises(ValueError, match="a threshold cannot be chosen on the split that is reported"):
        trace_source(trace, trace, {})


def test_only_a_policy_of_the_run_is_called_its_own() -> None:
    content = Content(points=20)
    content.add(trace_source(random_trace(60), None, {"entropy": Entropy()}))
    content.add(trace_source(random_trace(60), None, {"entropy": Entropy()}, MaxProbability(0.5)))
    assert [run["own_curve"] for run in content.runs] == [None, 1]
