"""What the study of killed recordings counts and compares."""

import json
import random
from pathlib import Path

from experiments.faults.trace import TABLES, drawn, left_by, noted, recorded
from tests.trace.traces import random_trace


def finished(run: Path, created: str) -> Path:
    for split in ("calibration", "test"):
        random_trace(5).save(run / "trace" / split)
    for name in TABLES:
        (run / name).write_text(name)
    (run / "policy.json").write_text(json.dumps({"created": created, "sha256": created, "threshold": 0.5}))
    return run


def test_a_run_is_compared_in_all_that_it_leaves_but_its_time(tmp_path: Path) -> None:
    one, other = (finished(tmp_path / time, time) for time in ("9:00", "10:00"))
    assert left_by(one) == left_by(other)
    (other / "trace/.test.abcdefgh~").mkdir()
    (other / "trace/.test.abcdefgh~/logits.npy").touch()  # what a killed process left counts
    assert left_by(one).keys() ^ left_by(other).keys() == {"trace/.test.abcdefgh~/logits.npy"}
    logits = one / "trace/test/logits.npy"
    logits.write_bytes(logits.read_bytes()[:-1] + b"x")
    differing = {name for name, content in left_by(one).items() if left_by(other)[name] != content}
    assert differing == {"trace/test/logits.npy"}


def test_moments_are_drawn_by_the_shards_that_are_there(tmp_path: Path) -> None:
    shards = tmp_path / "trace/.calibration.recording-0123456789ab"
    shards.mkdir(parents=True)
    assert recorded(tmp_path, 45) == 0
    there: list[int] = []
    generator = random.Random(0)
    moment = noted(drawn(generator, tmp_path, 1000, 45), tmp_path, there, 45)
    lived = 0.0
    while not moment(lived):
        (shards / f"{len([*shards.iterdir()]):06d}.pt").touch()
        lived += 1
    assert there == [len([*shards.iterdir()])]
    assert 1 <= there[0] <= 45 // 2
    random_trace(5).save(tmp_path / "trace/calibration")
    for shard in shards.iterdir():
        shard.unlink()
    assert recorded(tmp_path, 45) == 30
    random_trace(5).save(tmp_path / "trace/test")
    assert recorded(tmp_path, 45) == 45
