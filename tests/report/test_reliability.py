"""Calibration errors and the diagram.

Legend: V videos, K checkpoints, N classes.
"""

from pathlib import Path

import matplotlib.image
import pytest
import torch
from tests.report.test_summary import text_of
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability, fit_temperature
from dyninf.report import checkpoint_table
from dyninf.report.figures import save_reliability
from dyninf.report.reliability import reliability_figures
from dyninf.report.summary import policy_figures, trace_figures


def slow_error(logits_VN: torch.Tensor, label_V: torch.Tensor) -> float:
    """The definition, video by video."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for logits_N, label in zip(logits_VN.double(), label_V.tolist(), strict=True):
        probability, predicted = logits_N.softmax(0).max(0)
        bins.setdefault(int(probability * 15), []).append((probability.item(), predicted == label))
    gaps = [abs(sum(float(right) - probability for probability, right in one)) for one in bins.values()]
    return sum(gaps) / len(label_V)


@pytest.mark.parametrize("temperature", [3.0, [0.5, 1.0, 2.0, 5.0]])
def test_errors_are_those_of_the_definition_before_and_after(temperature: float | list[float]) -> None:
    trace = random_trace(300)
    each_K = torch.tensor(temperature).expand(4).tolist()
    rows = reliability_figures(trace, temperature)
    assert [row["temperature"] for row in rows] == each_K
    for k, row in enumerate(rows):
        logits_VN = trace.logits_VKN[:, k].double()
        assert row["ece"] == pytest.approx(slow_error(logits_VN, trace.label_V), abs=1e-5)
        assert row["ece_scaled"] == pytest.approx(slow_error(logits_VN / each_K[k], trace.label_V), abs=1e-5)


def test_without_a_temperature_there_is_one_error() -> None:
    assert [list(row) for row in reliability_figures(random_trace(), None)] == [["ece"]] * 4


def test_fitted_temperatures_make_probabilities_more_reliable_on_other_videos() -> None:
    one, other = random_trace(3000, seed=1), random_trace(3000, seed=2)
    one.logits_VKN.mul_(3)
    other.logits_VKN.mul_(3)
    for row in reliability_figures(other, fit_temperature(one.logits_VKN, one.label_V)):
        assert row["ece_scaled"] < row["ece"] / 2


@pytest.mark.parametrize("temperature", [None, 2.0])
def test_the_table_has_the_errors_of_scaled_checkpoints(temperature: float | None) -> None:
    trace, policy = random_trace(), MaxProbability(0.5, temperature=temperature)
    summary = trace_figures(trace) | policy_figures(policy, trace.replay(policy))
    assert summary["temperature"] == temperature
    for row, figures in zip(summary["checkpoints"], reliability_figures(trace, temperature), strict=True):
        row |= figures
    text = text_of(checkpoint_table(summary))
    assert ("ECE" in text) == (temperature is not None)
    if temperature is not None:
        for row in summary["checkpoints"]:
            assert f"{row['ece']:.1%} → {row['ece_scaled']:.1%}" in text


@pytest.mark.parametrize("checkpoints", [1, 3, 5])
@pytest.mark.parametrize("temperature", [None, 2.0])
def test_the_diagram_is_a_picture(tmp_path: Path, checkpoints: int, temperature: float | None) -> None:
    save_reliability(tmp_path / "out.png", random_trace(checkpoints=checkpoints), temperature)
    assert matplotlib.image.imread(tmp_path / "out.png").std() > 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
