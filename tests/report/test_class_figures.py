"""What each class costs, against a loop over the videos."""

import pytest
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.report.class_figures import class_figures


def test_each_class_has_its_accuracies_and_its_mean_cost() -> None:
    trace = random_trace(80)
    left = trace.replay(MaxProbability(0.5))
    rows = class_figures(trace, left)
    assert [row.name for row in rows] == list(trace.info.classes)
    for n, row in enumerate(rows):
        videos = [v for v in range(80) if trace.label_V[v] == n]
        full = [int(trace.logits_VKN[v, -1].argmax()) == n for v in videos]
        dynamic = [int(trace.logits_VKN[v, left.checkpoint_V[v]].argmax()) == n for v in videos]
        costs = [trace.macs_K[left.checkpoint_V[v]].item() / 1e9 for v in videos]
        assert row.videos == len(videos)
        assert row.top1_full == pytest.approx(sum(full) / len(videos))
        assert row.top1_dynamic == pytest.approx(sum(dynamic) / len(videos))
        assert row.gmacs == pytest.approx(sum(costs) / len(videos))


def test_a_class_without_videos_has_no_row() -> None:
    trace = random_trace(40)
    kept = trace.without([name for name, n in zip(trace.video_ids, trace.label_V, strict=True) if n == 2])
    rows = class_figures(kept, kept.replay(MaxProbability(0.5)))
    assert "class 2" not in [row.name for row in rows]
    assert sum(row.videos for row in rows) == len(kept.video_ids)
