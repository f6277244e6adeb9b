"""The layout of a project in W&B: what it asks for is what a run logs, and it needs no server to be made."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from experiments.wandb_report.layout import main, specification
from tests.end_to_end.commands import forked
from tests.end_to_end.test_wandb import Logged
from tests.made_once import MadeOnce
from tests.networks import require_package

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:wandb_workspaces.*")  # of pydantic

NAMES = ("4f-res3", "4f-res4", "4f-res5")


@pytest.fixture(scope="module")
def content() -> ModuleType:
    require_package("wandb_workspaces")
    return importlib.import_module("experiments.wandb_report.content")


@pytest.fixture(scope="module")
def project(content: ModuleType) -> Any:
    return content.Project("someone", "clips", checkpoints=NAMES, runs=("abc123",))


@pytest.fixture(scope="module")
def panels(content: ModuleType, project: Any) -> list[Any]:
    """All panels of the report and of the workspace, but those of the reports as files."""
    grids = [block for block in content.report_of(project).blocks if isinstance(block, content.wr.PanelGrid)]
    sections = content.workspace_of(project).sections
    found = [panel for part in (*grids, *sections) for panel in part.panels]
    return [panel for panel in found if not isinstance(panel, content.wr.WeavePanelArtifact)]


@pytest.fixture(scope="module")
def logged(content: ModuleType, made_once: MadeOnce) -> Logged:
    """An offline run of a second's training."""
    sizes = [f"dataset.{split}_clips=1" for split in ("train", "calibration", "test")]

    def train(folder: Path) -> None:
        forked(
            "train",
            *("logger=wandb", "scheme=depth", "paths.data_dir=data", "output=run", "callbacks=quiet", *sizes),
            *("dataset.num_workers=0", "dataset.num_frames=4", "trainer.max_epochs=1"),
            *("trainer.log_every_n_steps=1", "trainer.enable_progress_bar=false"),
            cwd=folder,
            logs=folder / "logs",
        ).check()

    return Logged.read(made_once("wandb_report", train) / "run")


def asked(panel: Any) -> set[str]:
    """The names of what a panel draws."""
    kind = type(panel).__name__
    if kind == "ScatterPlot":
        return {panel.x.name, panel.y.name}
    if kind == "BarPlot":
        return {metric.name for metric in panel.metrics}
    if kind == "LinePlot":
        return {panel.x, *panel.y}
    if kind == "CustomChart":
        return {panel.query["summaryTable"]["tableKey"]}
    if kind == "WeavePanelSummaryTable":
        return {panel.table_name}
    assert kind == "MediaBrowser", f"a test has to know what {kind} draws"
    return set(panel.media_keys)


def test_every_panel_draws_what_a_run_logs(panels: list[Any], logged: Logged) -> None:
    names = {name.partition(".")[0] for name in logged.values}
    for panel in panels:
        assert asked(panel) <= names, panel
    tables = {name for panel in panels for name in asked(panel) if f"{name}._type" in logged.values}
    assert tables >= {"accuracy_gmacs_table", "exit_shares_table", "classes", "videos", "frames"}
    for name in NAMES:
        assert f"test/exit_share/{name}" in set().union(*map(asked, panels))


def test_patterns_of_names_find_the_checkpoints(panels: list[Any], logged: Logged) -> None:
    patterns = {panel.metric_regex for panel in panels if getattr(panel, "metric_regex", None)}
    assert patterns == {"val/top1/.*"}
    assert {f"val/top1/{name}" for name in NAMES} <= set(logged.values)


def test_charts_are_those_that_a_run_logs(content: ModuleType, panels: list[Any], logged: Logged) -> None:
    charts = [panel for panel in panels if isinstance(panel, content.wr.CustomChart)]
    for chart in charts:
        name = chart.chart_strings["title"]
        there = logged.chart(name)
        assert there["kind"] == chart.chart_name
        assert {field: there[field] for field in chart.chart_fields} == chart.chart_fields
        assert set(chart.chart_fields.values()) <= set(logged.table(f"{name}_table")["columns"])
    assert {chart.chart_strings["title"] for chart in charts} == {"accuracy_gmacs", "exit_shares"}


def test_runs_are_grouped_and_listed_by_what_they_have(content: ModuleType, logged: Logged) -> None:
    path = []
    for name in content.GROUPS:
        section, _, key = name.partition(".")
        path.append(logged.config[section][key])
    assert path == ["resnet_small", "depth"]
    assert tuple(path) in content._colors()
    assert set(content.COLUMNS) <= set(logged.values)


def test_the_specifications_have_all_parts(content: ModuleType, project: Any) -> None:
    parts = [part.title for part in content.parts_of(project)]
    report = specification(content.report_of(project))
    blocks = report["spec"]["blocks"]
    titles = [block["children"][0]["text"] for block in blocks if block["type"] == "heading"]
    assert titles == [*parts, "Reports as files"]
    grids = [block["metadata"] for block in blocks if block["type"] == "panel-grid"]
    assert len(grids) == len(parts)
    for grid in grids:
        [runs] = grid["runSets"]
        assert [key["name"] for key in runs["grouping"]] == ["backbone.value.name", "scheme.value.name"]
        colors = grid["customRunColors"]
        end = "config:backbone.value.name:resnet50"
        assert colors[f"{runs['id']}-{end}"] == colors[f"{runs['id']}-{end}-config:scheme.value.name:joint"]
    assert "report-abc123" in json.dumps(blocks)

    workspace = specification(content.workspace_of(project))["spec"]["section"]
    sections = workspace["panelBankConfig"]["sections"]
    assert [section["name"] for section in sections] == [*parts, "Reports as files"]
    assert "report-abc123" in json.dumps(sections)


def test_without_checkpoints_and_runs_there_are_no_panels_of_them(content: ModuleType) -> None:
    project = content.Project("someone")
    shares = {name for part in content.parts_of(project) for panel in part.panels for name in asked(panel)}
    assert not [name for name in shares if name.startswith("test/exit_share/")]
    assert [section.name for section in content.workspace_of(project).sections][-1] == "Classes and videos"


def test_the_layout_can_be_written_without_a_server(
    content: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "layout.json"
    assert main(["entity=someone", "project=clips", "runs=a,b", "--json", str(file)]) == 0
    written = json.loads(file.read_text())
    assert written["report"]["project"] == {"name": "clips", "entityName": "someone"}
    assert (written["workspace"]["entity"], written["workspace"]["project"]) == ("someone", "clips")
    assert "report-b" in json.dumps(written)
    assert "nothing was saved" in capsys.readouterr().out


def test_saving_without_a_key_ends_with_one_line(
    content: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in {"WANDB_API_KEY": "", "HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")}.items():
        monkeypatch.setenv(name, value)
    assert main(["entity=someone"]) == 2
    out, err = capfd.readouterr()
    [line] = err.splitlines()
    assert line.startswith("error: W&B did not take the report: not logged in")
    assert line.endswith("--json FILE writes the layout without W&B")
    assert out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give entity=NAME: the user or team of W&B that the project belongs to"),
        (["entty=me"], "'entty=me' is no setting; write NAME=VALUE, of entity, project, checkpoints, runs"),
        (["entity"], "'entity' is no setting; write NAME=VALUE, of entity, project, checkpoints, runs"),
        (["entity=me", "project="], "project needs a value, such as project=VALUE"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(
    arguments: list[str], message: str, content: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


def test_a_missing_package_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "experiments.wandb_report.content", raising=False)
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    monkeypatch.setitem(sys.modules, "wandb_workspaces.expr", None)
    assert main(["entity=me"]) == 2
    assert capsys.readouterr().err == (
        "error: layouts need wandb-workspaces: pip install 'dyninf[workspaces]'\n"
    )
