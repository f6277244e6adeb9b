"""What accuracy figures draw is what was measured.

Legend: P operating points, K checkpoints.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from tests.report.figures.hostile import hostile_source

from dyninf.policies import MaxProbability
from dyninf.report.figures.accuracy import MOST_NAMED, Drawn, accuracy_figure
from dyninf.report.published import PublishedPoint
from dyninf.trace import Resampling, sweep, with_band

OWN = MaxProbability(0.4)


def drawn(name: str = "run", **summary: Any) -> Drawn:
    source = hostile_source(own=OWN, device="CPU")
    assert source.trace is not None
    trace = source.trace()
    curve, _ = with_band(sweep(trace, OWN, 12), trace, OWN, Resampling(20))
    return Drawn(name, {**source.run.summary, **summary}, {"MaxProbability": curve})


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def made(*arguments: Any, **more: Any) -> Figure:
    figure = accuracy_figure(*arguments, **more)
    assert figure is not None
    return figure


@pytest.mark.parametrize("in_time", [False, True])
def test_the_curve_and_the_points_lie_where_the_values_say(in_time: bool) -> None:
    run = drawn()
    curve = run.curves["MaxProbability"]
    (axes,) = made([run], in_time=in_time).axes
    cost_P = (
        curve.exit_share_PK @ torch.tensor([10.0, 20, 30, 40], dtype=torch.float64)
        if in_time
        else curve.macs_P / 1e9
    )
    order_P = np.argsort(cost_P.numpy(), kind="stable")
    line = axes.lines[0]
    np.testing.assert_allclose(line.get_xdata(), cost_P.numpy()[order_P])
    np.testing.assert_allclose(np.sort(line.get_ydata()), np.sort(100 * curve.top1_P.numpy()))
    places = [(float(one.get_xdata()[0]), float(one.get_ydata()[0])) for one in axes.lines[-2:]]  # type: ignore[index]
    assert places == [run.place("full", in_time), run.place("dynamic", in_time)]
    assert axes.get_xlim()[0] == 0
    assert len(axes.collections) >= 1  # the band


def test_runs_on_different_data_have_panels_of_their_own() -> None:
    figure = made([drawn("a"), drawn("b"), drawn("c", split="other/test@12")])
    assert [axes.get_title() for axes in figure.axes] == ["random/test", "other/test"]
    assert labels(figure)[:3] == ["a", "b", "c"]


def test_times_of_different_machines_are_never_in_one_panel() -> None:
    times = drawn().milliseconds
    assert times is not None
    figure = made([drawn("a"), drawn("b", milliseconds={**times, "device": "GPU"})], in_time=True)
    assert [axes.get_xlabel() for axes in figure.axes] == ["mean ms a video, CPU", "mean ms a video, GPU"]
    assert accuracy_figure([drawn(milliseconds=None)], in_time=True) is None


def test_splits_that_differ_only_in_their_videos_are_told_apart() -> None:
    figure = made([drawn("a", split="x/test@1"), drawn("b", split="x/test@2")])
    assert [axes.get_title() for axes in figure.axes] == ["x/test@1", "x/test@2"]


def test_only_runs_that_no_other_one_beats_are_joined() -> None:
    points = [(1.0, 0.5), (2.0, 0.4), (3.0, 0.8), (0.5, 0.9)]
    runs = [
        drawn(f"{gmacs}", dynamic={"gmacs": gmacs, "top1": top1}, sees_labels=top1 == 0.9)
        for gmacs, top1 in points
    ]
    figure = made(runs)
    assert labels(figure)[-1] == "Pareto-optimal"
    line = figure.axes[0].lines[-1]
    assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == [(1.0, 50.0), (3.0, 80.0)]  # type: ignore[arg-type]


def test_runs_of_one_name_and_too_many_runs_are_all_there() -> None:
    figure = made([replace(drawn("same"), curves={}) for _ in range(MOST_NAMED + 3)])
    assert labels(figure).count("same") == MOST_NAMED
    assert "3 further runs" in labels(figure)


def test_published_points_join_the_panel_of_their_data_set() -> None:
    points = [
        PublishedPoint("Kinetics-400", "TSM", "ResNet-50", 64, 0.725, False),
        PublishedPoint("Kinetics-400", "MF-Net", "-", 11.1, 0.65, True),
        PublishedPoint("UCF-101", "TSM", "ResNet-50", 33, 0.9, False),
    ]
    figure = made([drawn(split="kinetics400/test@1"), drawn("b")], points)
    crosses = [one for one in figure.axes[0].lines if one.get_marker() == "x"]
    assert [one.get_xydata().tolist() for one in crosses] == [[[64.0, 72.5]], [[11.1, 65.0]]]  # type: ignore[union-attr]
    assert not [one for one in figure.axes[1].lines if one.get_marker() == "x"]
    assert labels(figure)[-2:] == ["1 TSM, ResNet-50", "2 MF-Net"]
    assert figure.axes[0].get_xscale() == "log"
    assert figure.axes[0].get_xlim()[1] > 64
