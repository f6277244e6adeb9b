"""Figures of one run: what is drawn equals the values.

Legend: V videos, K checkpoints, N classes.
"""

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from tests.report.figures.hostile import gallery_video, grid_of, hostile_trace
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.report.figures.classes import MOST_AN_END, classes_figure, ends
from dyninf.report.figures.confidence import confidence_figure
from dyninf.report.figures.confusion import confusion, confusion_figure
from dyninf.report.figures.exits import MOST_CLASSES, exits_figure
from dyninf.report.figures.gallery import chosen_rows, frame_sheet, gallery_figure
from dyninf.report.figures.grid import computed_shares, grid_figure
from dyninf.report.figures.reliability import reliability_figure
from dyninf.report.summary import policy_figures, trace_figures
from dyninf.trace import ClassFigures, Interval, Trace, by_class

POLICY = MaxProbability(0.4)


def ticks(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_cell_is_computed_by_those_that_have_not_left_before() -> None:
    shares = computed_shares(grid_of(3), [0.5, 0.2, 0.3])
    assert shares == pytest.approx([1, 1, 0.5, 0.5, 0.3, 0.3])


def test_the_grid_has_costs_shares_and_frames() -> None:
    trace = random_trace()
    outcome = trace.replay(POLICY)
    summary = trace_figures(trace) | policy_figures(POLICY, outcome) | {"grid": grid_of(4)}
    figure = grid_figure(summary)
    for k, share in enumerate(outcome.exit_share_K.tolist()):
        assert f"{0.125 * (k + 1):.3g}\n✓ {share:.0%}" in texts(figure)
    assert ticks(figure.axes[0].xaxis) == ["0, 1", "2, 3", "4, 5", "6, 7"]
    del summary["dynamic"]
    assert texts(grid_figure(summary))[1] == "0.125\n✓"


def test_exits_are_those_of_the_policy_class_by_class_and_cheapest_first() -> None:
    trace = random_trace(videos=80)
    outcome = trace.replay(POLICY)
    top, heat, _ = exits_figure(trace, outcome).axes[:3]
    heights = [bar.get_height() for bar in top.patches]  # type: ignore[attr-defined]
    assert heights == pytest.approx((100 * outcome.exit_share_K).tolist())
    drawn = np.asarray(heat.images[0].get_array())
    costs = []
    for row, name in zip(drawn, ticks(heat.yaxis), strict=True):
        there_V = trace.label_V == trace.info.classes.index(name)
        share_K = torch.bincount(outcome.checkpoint_V[there_V], minlength=4) / there_V.sum()
        np.testing.assert_allclose(row, 100 * share_K.numpy(), rtol=1e-5)
        costs.append(trace.macs_K[outcome.checkpoint_V[there_V]].mean().item())
    assert costs == sorted(costs)


def test_of_many_classes_the_cheapest_and_dearest_are_shown_and_it_is_said() -> None:
    trace = random_trace(videos=2000, classes=60)
    figure = exits_figure(trace, trace.replay(POLICY))
    rows = ticks(figure.axes[1].yaxis)
    assert len([row for row in rows if row]) == MOST_CLASSES
    assert "20 classes in between are left out" in texts(figure)


def one_class(n: int, change: float) -> ClassFigures:
    around = Interval(change, change - 0.1, change + 0.1)
    return ClassFigures(f"class {n}", 10, 0.5, 0.5 + change, around, Interval(1, 1, 1))


def test_classes_that_gain_and_lose_most_are_kept_in_order() -> None:
    classes = [one_class(n, (n - 20) / 100) for n in range(40)]
    kept = ends(classes)
    assert [one.name for one in kept[:2]] == ["class 39", "class 38"]
    assert kept[-1].name == "class 0"
    (axes,) = classes_figure(classes, 0.95).axes
    assert len(ticks(axes.yaxis)) == 2 * MOST_AN_END
    assert axes.get_ylabel() == f"class (videos); {40 - 2 * MOST_AN_END} in between left out"


def test_changes_and_intervals_lie_where_the_values_say() -> None:
    trace = random_trace(videos=80)
    classes = by_class(trace, trace.replay(POLICY))
    (axes,) = classes_figure(classes, 0.95).axes
    for row, one in enumerate(ends(classes)):
        interval, point = axes.lines[2 * row : 2 * row + 2]
        assert list(interval.get_xdata()) == [100 * one.change.low, 100 * one.change.high]  # type: ignore[arg-type]
        assert list(point.get_xdata()) == [100 * one.change.value]  # type: ignore[arg-type]
        assert ticks(axes.yaxis)[row] == f"{one.name} ({one.videos})"


def test_rows_of_a_confusion_matrix_are_classes_and_sum_to_one() -> None:
    share_NN = confusion(torch.tensor([0, 0, 0, 2]), torch.tensor([0, 1, 1, 2]), 3)
    np.testing.assert_allclose(share_NN[[0, 2]], [[1 / 3, 2 / 3, 0], [0, 0, 1]])
    assert share_NN[1].isnan().all()


def test_confusion_is_drawn_where_videos_left_and_at_the_end() -> None:
    trace = random_trace()
    outcome = trace.replay(POLICY)
    left, last, _ = confusion_figure(trace, outcome).axes
    for axes, predicted_V in ((left, outcome.predicted_V), (last, trace.ranked_VKn[:, -1, 0])):
        drawn = np.asarray(axes.images[0].get_array())
        np.testing.assert_allclose(drawn, 100 * confusion(trace.label_V, predicted_V, 7))
    assert ticks(left.yaxis) == list(trace.info.classes)
    many = confusion_figure(random_trace(classes=31), None)
    assert "class 3" not in ticks(many.axes[0].yaxis)


@pytest.mark.parametrize("checkpoints", [1, 4])
def test_confidence_is_the_median_of_videos_right_and_wrong_at_the_end(checkpoints: int) -> None:
    trace = random_trace(checkpoints=checkpoints)
    (axes,) = confidence_figure(trace).axes
    top_VK = 100 * trace.logits_VKN.double().softmax(-1).amax(-1).numpy()
    right_V = trace.right_VK[:, -1].numpy()
    for line, there_V in zip(axes.lines, (right_V, ~right_V), strict=True):
        np.testing.assert_allclose(line.get_ydata(), np.median(top_VK[there_V], 0))


def test_a_trace_that_is_right_everywhere_has_one_line() -> None:
    trace = random_trace()
    trace.logits_VKN[torch.arange(40), :, trace.label_V] += 50
    (axes,) = confidence_figure(trace).axes
    assert len(axes.lines) == 1


@pytest.mark.parametrize("trace", [random_trace(checkpoints=1), hostile_trace(checkpoints=5)])
def test_reliability_has_a_panel_a_checkpoint_and_a_line_a_kind(trace: Trace) -> None:
    for temperature, lines in ((None, 2), (2.0, 3)):
        figure = reliability_figure(trace, temperature)
        shown = [axes for axes in figure.axes if axes.get_visible()]
        assert [axes.get_title() for axes in shown] == list(trace.info.checkpoints)
        assert [len(axes.lines) for axes in shown][-1] == lines


def test_unseen_frames_are_gray_and_cam_lies_over_the_others() -> None:
    sheet = frame_sheet(gallery_video(frames=4))
    frame = {t: sheet[4, t * (12 + 2) + 6] for t in range(4)}
    assert frame[0][1] > 0.1  # orange over red
    np.testing.assert_allclose(frame[3], [200 / 255, 0, 0])
    for unseen in (frame[1], frame[2]):
        assert unseen[0] == unseen[1] == unseen[2] > 0.5
    assert frame_sheet(gallery_video(frames=20, cam=False)).shape[1] == 16 * 14 - 2


def test_a_gallery_has_one_video_of_each_kind_with_its_scores() -> None:
    videos = [gallery_video(1), gallery_video(1), gallery_video(1, right=False), gallery_video(2)]
    assert chosen_rows(videos) == [videos[0], videos[2], videos[3]]
    figure = gallery_figure({"videos": videos})
    assert len(figure.axes) == 6
    after, before, leaves, threshold, *_ = figure.axes[1].lines
    assert before.get_xydata().tolist() == [[1.0, 0.3], [2.0, 0.8]]  # type: ignore[union-attr]
    assert after.get_xydata().tolist() == [[2.0, 0.8], [4.0, 0.9]]  # type: ignore[union-attr]
    assert leaves.get_xydata().tolist() == [[2.0, 0.8]]  # type: ignore[union-attr]
    assert threshold.get_xydata().tolist() == [[1.0, 0.7], [2.0, 0.7]]  # type: ignore[union-attr]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == r"✓ $\frac{1}{0}$; leaves at 2f, 2 of 4 frames"
    assert titles[2] == r"✗ <b>x</b>, but is $\frac{1}{0}$; leaves at 2f, 2 of 4 frames"
