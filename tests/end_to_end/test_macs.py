"""``python -m dyninf.macs``: what a network costs, and nothing left behind that was not asked for."""

from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.commands import Finished, started
from tests.files import held_in

import dyninf

Command = Callable[..., Finished]
SMALL = ("scheme=joint", "num_classes=5", "num_frames=4", "height=32", "width=48")


def test_the_command_line_prints_tables_and_writes_all_figures(here: Path) -> None:
    done = started("macs", "backbone=resnet_small", *SMALL, "output=new/costs.json", cwd=here).check()
    network = dyninf.build_network("resnet_small", scheme="joint", num_classes=5, num_frames=4)
    for words in (network.name, "0.71 M parameters", "32x48", "stages", "heads", "cells", "peak"):
        assert words in done.out
    figures = held_in(here / "new/costs.json")
    assert figures["network"] == network.name
    assert (figures["height_pixels"], figures["width_pixels"]) == (32, 48)
    assert figures["params"] == sum(parameter.numel() for parameter in network.parameters())
    costs_K = [row["cumulative_macs"] for row in figures["checkpoints"]]
    assert costs_K == network.costs(32, 48).macs_K.tolist()
    assert [path.relative_to(here).as_posix() for path in here.rglob("*")] == ["new", "new/costs.json"]


def test_nothing_is_left_behind_without_an_output(command: Command, here: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for multirun in ([], ["-m"]):
        command("macs", *multirun, "backbone=resnet_small", *SMALL, TMPDIR=str(scratch)).check()
        assert list(here.iterdir()) == []
        assert list(scratch.glob("dyninf-*")) == []
    refused = command("macs", "backbone=resnet_small", *SMALL, "num_frames=5", TMPDIR=str(scratch))
    assert refused.code == 2
    assert scratch.is_dir()
    assert list(scratch.glob("dyninf-*")) == []


def test_a_multirun_reports_every_network_and_can_write_a_file_for_each(command: Command, here: Path) -> None:
    names = "output='${backbone.name}-${scheme.name}.json'"
    done = command("macs", "-m", "backbone=resnet_small,msdnet_small", *SMALL, names).check()
    for backbone in ("resnet_small", "msdnet_small"):
        assert f"{backbone}-joint-4f" in done.out
        assert held_in(here / f"{backbone}-joint.json")["params"] > 0
    assert len(list(here.iterdir())) == 2


def test_the_settings_of_backbone_and_scheme_can_be_overridden(command: Command, here: Path) -> None:
    overrides = ("scheme.groups=2", "scheme.shift=none", "backbone.width=8", "output=costs.json")
    command("macs", "backbone=resnet_small", *SMALL, *overrides).check()
    figures = held_in(here / "costs.json")
    assert len(figures["cells"]) == 8
    assert all(cell["kept_bytes"] == 0 for cell in figures["cells"])
    assert figures["stages"][0]["output_shapes"] == [[2, 8, 8, 12]]
