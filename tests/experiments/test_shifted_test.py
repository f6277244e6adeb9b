"""The study of worse test videos, on a few drawn ones and a network that has learnt nothing."""

from pathlib import Path

import pytest
from experiments.shifted_test.run import CLEAN, compared, record, spread_over, tables
from omegaconf import OmegaConf

import dyninf
from dyninf.policies import MaxProbability

GRADES = [CLEAN, ("gaussian_noise", 1), ("gaussian_noise", 5), ("freeze", 5)]


def test_each_grade_is_recorded_once_and_compared_with_the_clean_videos(tmp_path: Path) -> None:
    network = dyninf.build_network("resnet_small", "joint", num_classes=12, num_frames=4).eval()
    dataset = OmegaConf.create(
        {
            "_target_": "dyninf.data.Synthetic",
            "root": str(tmp_path / "data"),
            "num_frames": 4,
            "resize": 32,
            "crop": 32,
            "num_workers": 0,
            "train_clips": 1,
            "calibration_clips": 1,
            "test_clips": 1,
        }
    )
    traces = list(record(network, dataset, GRADES, 6, tmp_path / "traces"))
    names = [trace.info.split for trace in traces]
    assert len(set(names)) == len(GRADES)
    assert names[1].startswith("synthetic/test+gaussian_noise-1@")
    assert names[1].endswith(", 6 of 12 videos")
    assert len({trace.video_ids for trace in traces}) == 1
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "traces").rglob("*")}
    again = record(network, dataset, GRADES, 6, tmp_path / "traces")
    rows = [{"run": "drawn"} | row for row in compared(again, GRADES, MaxProbability(0.1))]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "traces").rglob("*")} == written
    assert [(row["corruption"], row["severity"]) for row in rows] == GRADES
    assert rows[0]["share_more"] == 0
    for row, trace in zip(rows, traces, strict=True):
        outcome = trace.replay(MaxProbability(0.1))
        assert row["top1"] == pytest.approx(100 * outcome.top1, abs=1e-3)
        assert row["share"] == pytest.approx(100 * outcome.mean_macs / trace.macs_K[-1].item(), abs=1e-3)
        assert row["share_more"] == pytest.approx(row["share"] - rows[0]["share"], abs=2e-3)
    assert "| freeze | 5 |" in "\n".join(tables(rows))


@pytest.mark.parametrize(("videos", "wanted"), [(840, 210), (12, 6), (10, 3), (7, 7)])
def test_a_spread_takes_distinct_places_even_and_odd_alike(videos: int, wanted: int) -> None:
    places = spread_over(videos, wanted)
    assert len(set(places)) == len(places) == wanted
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] < videos
    if videos == 840:
        assert sum(place % 2 for place in places) == wanted // 2
        assert [sum(40 * n <= place < 40 * n + 40 for place in places) for n in range(21)] == [10] * 21
