"""What a network costs, as tables, as values, and as a file."""

import json
from pathlib import Path

import pytest
from rich.table import Table
from tests.files import held_in
from tests.networks import random_network

from dyninf.grid import Network, profile
from dyninf.report import cell_table, cost_table, head_table, report_costs, stage_table
from dyninf.report.cost_tables import cost_figures


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network("resnet_small", "joint", 8, width=8, head_width=16, groups=2)


def columns_of(table: Table) -> dict[str, list[str]]:
    return {str(column.header): [str(cell) for cell in column.cells] for column in table.columns}


def test_the_cost_table_has_one_row_a_checkpoint_and_ends_with_full_inference(network: Network) -> None:
    cells = columns_of(cost_table(profile(network, 32, 32)))
    assert cells["checkpoint"] == [checkpoint.name for checkpoint in network.checkpoints]
    assert cells["cell (group, stage)"] == ["(1, 2)", "(1, 3)", "(1, 4)", "(2, 2)", "(2, 3)", "(2, 4)"]
    assert cells["frames"] == ["4", "4", "4", "8", "8", "8"]
    assert [float(text) for text in cells["GMACs"]] == [
        float(f"{gmacs:.4g}") for gmacs in network.costs(32, 32).gmacs_K
    ]
    assert cells["of full"][-1] == "100.0%"


def test_the_stage_table_has_parameters_costs_and_shapes_and_ends_with_the_total(network: Network) -> None:
    found = profile(network, 32, 48)
    cells = columns_of(stage_table(found))
    assert cells["stage"] == ["res2", "res3", "res4", "res5", "total"]
    assert cells["output (t, C, H, W)"][0] == "(4, 8, 8, 12)"
    assert cells["M parameters"][:-1] == [f"{stage.params / 1e6:.3f}" for stage in found.stages]
    assert cells["M parameters"][-1] == f"{sum(stage.params for stage in found.stages) / 1e6:.3f}"


def test_the_stage_table_shows_every_scale_and_the_parameters_that_nothing_uses() -> None:
    network = random_network("resnet_small", "depth", 2, width=8, head_width=16, checkpoints=[[1, 2]])
    assert columns_of(stage_table(profile(network, 32, 32)))["stage"] == [
        "res2",
        "res3",
        "used by no cell",
        "total",
    ]
    scales = profile(random_network("msdnet_small", "plain", 1), 32, 32)
    assert columns_of(stage_table(scales))["output (t, C, H, W)"][0].count("(") == 3


def test_the_head_table_has_a_row_a_head_and_the_total(network: Network) -> None:
    found = profile(network, 32, 32)
    cells = columns_of(head_table(found))
    assert cells["head"] == ["res3", "res4", "res5", "total"]
    assert cells["M parameters"][:3] == [f"{head.params / 1e6:.3f}" for head in found.heads]
    assert cells["GMACs"][-1] == f"{sum(head.macs for head in found.heads) / 1e9:.4g}"


def test_the_cell_table_follows_the_route_and_ends_with_the_total_and_the_peak(network: Network) -> None:
    found = profile(network, 32, 32)
    cells = columns_of(cell_table(found))
    assert cells["cell (group, stage)"] == [*map(str, network.route.cells), "total", "peak"]
    assert cells["state"][-1] == f"{found.peak_bytes / 2**20:.4g}"
    assert cells["kept"][:-2] == [f"{cell.kept_bytes / 2**20:.4g}" for cell in found.cells]
    assert cells["stage"][-2] == f"{sum(cell.macs for cell in found.cells) / 1e9:.4g}"


def test_the_values_have_their_units_in_their_keys(network: Network) -> None:
    found = profile(network, 32, 48)
    figures = cost_figures(found)
    assert figures["network"] == network.name
    assert (figures["height_pixels"], figures["width_pixels"]) == (32, 48)
    assert figures["params"] == found.params
    assert figures["macs"] == found.macs
    assert figures["peak_bytes"] == max(row["state_bytes"] for row in figures["cells"])
    assert len(figures["checkpoints"]) == 6
    rows = [row for key in ("stages", "heads", "cells", "checkpoints") for row in figures[key]]
    units = {key.split("_")[-1] for row in rows for key in row}
    assert units == {"name", "stage", "cell", "frames", "shapes", "params", "macs", "bytes"}


def test_the_report_is_printed_and_written_as_json(
    network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new/costs.json"
    found = report_costs(network, 32, 32, file)
    assert found == profile(network, 32, 32)
    assert held_in(file) == json.loads(json.dumps(cost_figures(found)))
    printed = capsys.readouterr().out
    for words in (network.name, "stages", "heads", "cells", "written to"):
        assert words in printed
    assert [path.name for path in file.parent.iterdir()] == ["costs.json"]


def test_without_a_file_nothing_is_written(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    report_costs(network, 32, 32)
    assert "written" not in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
