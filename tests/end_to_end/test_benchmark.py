"""``python -m dyninf.benchmark``: full against dynamic inference, measured and written."""

import csv
from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, started

Command = Callable[..., Finished]
SMALL = ("num_classes=5", "num_frames=4", "height=32", "width=32", "runtime=eager", "batch=[1,2]", "rounds=1")


def test_the_command_line_measures_points_and_steps(here: Path) -> None:
    done = started(
        "benchmark", "backbone=resnet_small", "scheme=joint", *SMALL, "decoding=false",
        "output=speed", cwd=here,
    ).check()  # fmt: skip
    with (here / "speed/benchmark.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["batch"], row["point"]) for row in rows[2:4]] == [("1", "50%"), ("1", "25%")]
    assert len(rows) == 8
    assert all(row["network"] == "resnet_small" and row["engine"] == "eager" for row in rows)
    assert "speed-up" in done.out
    for name in ("benchmark.md", "benchmark.png", "steps.csv", "config.yaml"):
        assert (here / "speed" / name).stat().st_size > 0, name


def test_the_network_of_a_run_is_measured_at_its_size(
    command: Command, run_of: Callable[[str], Path], here: Path
) -> None:
    path = run_of("joint") / "checkpoints/best.ckpt"
    one = ("batch=[1]", "points=[0.5]", "decoding=false", "output=speed")
    command("benchmark", f"checkpoint={path}", *SMALL, *one).check()
    text = (here / "speed/benchmark.md").read_text()
    assert "resnet_small joint" in text


def test_what_cannot_be_measured_is_refused(command: Command, here: Path) -> None:
    for override, said in (
        ("points=[0.01]", "cannot be reached"),
        ("runtime=tensorrt", "'tensorrt' is unknown; choose auto or one of eager"),
        ("batch=[0]", "batch must be a list of whole numbers of at least 1"),
        ("batch=4", "batch must be a list of whole numbers of at least 1, such as [1,4]; got 4"),
        ("rounds=0", "rounds must be a number of at least 1"),
    ):
        done = command("benchmark", "backbone=resnet_small", *SMALL, override, "output=out")
        assert_refused(done, "benchmark", here, said)
