"""Measuring speed: exit shares, limits, and what is written.

Legend: K checkpoints.
"""

import csv
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.networks import SIZE, random_network

from dyninf.data import ClipTransform, Segment
from dyninf.data.decoder import probe
from dyninf.runtime import engine_named
from dyninf.speed import Machine, forced_exits, measure_decoding, measure_speed, write_speed_report
from dyninf.speed.example_video import write_example_video

MACHINE = Machine("a processor", 1, 100.0)


@given(steps=st.lists(st.floats(0.1, 10), min_size=2, max_size=12), place=st.floats(0.02, 0.98))
def test_forced_exits_cost_what_was_asked_for(steps: list[float], place: float) -> None:
    macs_K = torch.tensor(steps, dtype=torch.float64).cumsum(0) * 1e9
    wanted = (macs_K[0] + place * (macs_K[-1] - macs_K[0])).item()
    thresholds_K = forced_exits(macs_K, wanted).thresholds(len(steps)).clamp(min=0)
    share_K = 1 - thresholds_K
    share_K[1:] = thresholds_K[:-1] - thresholds_K[1:]
    assert (share_K * macs_K).sum().item() == pytest.approx(wanted, rel=1e-6)


def test_a_cost_that_no_shares_have_is_refused() -> None:
    macs_K = torch.tensor([2e9, 5e9], dtype=torch.float64)
    for wanted in (1e9, 2e9, 5e9, 6e9):
        with pytest.raises(
            ValueError, match="cannot be reached: leaving at the first checkpoint costs 2, at"
        ):
            forced_exits(macs_K, wanted)


def test_a_point_is_measured_beside_full_inference_and_written(tmp_path: Path) -> None:
    options = {"width": 8, "head_width": 16, "groups": 2}
    network = random_network("resnet_small", "joint", 4, **options)
    plain = random_network("resnet_small", "joint", 4, checkpoints="final", **options)
    rows, steps = measure_speed(
        network, plain, "joint", engine_named("eager"), SIZE, SIZE, 3, {"40%": 0.4}, MACHINE, rounds=2
    )
    assert [row.point for row in rows] == ["no exit", "no exit, cut at every checkpoint", "40%"]
    full = plain.costs(SIZE, SIZE).macs_K[-1].item()
    heads = network.costs(SIZE, SIZE).macs_K[-1].item()
    assert [row.macs_ratio for row in rows[:2]] == pytest.approx([full / heads] * 2)
    assert 1 / 0.6 < rows[2].macs_ratio < 1 / 0.25  # 48 clips that leave by lot
    assert rows[0].limit == 1
    assert 0.9 * rows[1].limit < rows[2].limit
    assert all(row.ms > 0 and row.clips in (9, 48) for row in rows)
    assert [step.checkpoint for step in steps] == [checkpoint.name for checkpoint in network.checkpoints]
    assert sum(step.gmacs for step in steps) * 1e9 == pytest.approx(heads)

    write_speed_report(tmp_path, MACHINE, rows, {"run": steps}, {}, "a command")
    with (tmp_path / "benchmark.csv").open() as opened:
        lines = list(csv.DictReader(opened))
    columns = {"network", "scheme", "engine", "batch", "point", "macs_ratio", "speedup", "limit"}
    assert columns <= set(lines[0])
    assert [float(line["speedup"]) for line in lines] == [row.speedup for row in rows]
    text = (tmp_path / "benchmark.md").read_text()
    assert "`a command`" in text
    assert "| 40% |" in text
    assert (tmp_path / "benchmark.png").stat().st_size > 10_000


def test_from_file_to_label_only_what_is_asked_for_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    write_example_video(path)
    info = probe(path)
    assert (info.frames, info.width, info.height, info.codec) == (300, 340, 256, "h264")
    options = {"width": 8, "head_width": 16, "groups": 4}
    network = random_network("resnet_small", "joint", 8, **options)
    plain = random_network("resnet_small", "joint", 8, checkpoints="final", **options)
    rows = measure_decoding(
        network, plain, engine_named("eager"), [path] * 4, Segment(8), ClipTransform(36, 32), 0.4, (1, 2), 1
    )
    found = {(row.way, row.batch): row for row in rows}
    assert found["full, all frames first", 1].frames == 8
    assert found["first answer", 1].frames == found["first answer, its own cost", 1].frames == 2
    assert found["full, frames decoded beside", 2].frames == 8
    assert found["dynamic at 40%", 1].frames < 8
    assert all(row.ms > 0 for row in rows)
    assert all(0 < row.decoding < 1 for row in rows if row.batch == 1)
