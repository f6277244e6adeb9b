"""The curve as a picture."""

from pathlib import Path

import matplotlib.image
import pytest
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.report import save_curve
from dyninf.report.summary import policy_figures, trace_figures
from dyninf.trace import default_thresholds, sweep


@pytest.mark.parametrize("checkpoints", [1, 4])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_the_figure_is_a_readable_png_of_some_size(
    checkpoints: int, threshold: float | None, tmp_path: Path
) -> None:
    trace = random_trace(checkpoints=checkpoints)
    policy = MaxProbability(threshold)
    summary = trace_figures(trace)
    if threshold is not None:
        summary |= policy_figures(policy, trace.replay(policy))
    save_curve(tmp_path / "curve.png", sweep(trace, policy, default_thresholds(trace, policy, 50)), summary)
    picture = matplotlib.image.imread(tmp_path / "curve.png")
    assert min(picture.shape[:2]) > 300
    assert picture.min() < 0.5 < picture.max()
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]
