"""What a report and a workspace of Weights & Biases show of a project of dyninf's runs. Asks no server.

Names are those that `report/loggers.py` and `report/wandb_content.py` of the package log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import wandb_workspaces.expr as expr
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from matplotlib import colormaps
from matplotlib.colors import to_hex

from dyninf.configuration import choices

GROUPS = ("backbone.name", "scheme.name")  # by which runs are grouped, in their config
KINDS = ("full", "dynamic")
COLUMNS = (
    "test/dynamic/top1",
    "test/dynamic/gmacs",
    "test/full/top1",
    "test/full/gmacs",
    "test/threshold",
)
RUNS = "runs by backbone and scheme"


@dataclass(frozen=True)
class Project:
    """Which runs are shown.

    entity, project: where they are in W&B.
    checkpoints: names such as ``2f-res3``, of the exit shares that bars compare from run to run.
    runs: ids of runs whose report, as a file, is linked.
    """

    entity: str
    project: str = "dyninf"
    checkpoints: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Panels under one heading, with a sentence on how to read them."""

    title: str
    text: str
    panels: list[wr.interface.Panel]


def report_of(project: Project) -> wr.Report:
    """The report, not saved; every part is a heading, a sentence and a grid of panels over the same runs."""
    blocks: list[object] = [wr.TableOfContents()]
    for part in parts_of(project):
        blocks += [wr.H2(part.title), wr.P(part.text)]
        # A set of runs that names no project is of the report's own; naming it would ask the server.
        runset = wr.Runset(
            name=RUNS,
            groupby=[f"config.{name}" for name in GROUPS],
            order=[wr.OrderBy(wr.SummaryMetric("test/dynamic/top1"))],
            pinned_columns=["run:displayName", *(f"summary:{name}" for name in COLUMNS)],
        )
        colors = {
            wr.RunsetGroup(RUNS, tuple(map(_group_key, GROUPS, path))): color
            for path, color in _colors().items()
        }
        blocks.append(wr.PanelGrid(runsets=[runset], panels=part.panels, custom_run_colors=colors))
    blocks += [wr.H2("Reports as files"), wr.P(_of_files(project))]
    blocks += [
        wr.WeaveBlockArtifact(project.entity, project.project, f"report-{run}", "files")
        for run in project.runs
    ]
    return wr.Report(
        project=project.project,
        entity=project.entity,
        title="Dynamic inference: accuracy against cost",
        description="What leaving early saves, and what it costs in accuracy.",
        blocks=blocks,
        width="fluid",
    )


def workspace_of(project: Project) -> ws.Workspace:
    """The workspace, not saved: the same parts as sections, over a table of the runs."""
    sections = [
        ws.Section(part.title, panels=part.panels, is_open=not i) for i, part in enumerate(parts_of(project))
    ]
    if project.runs:
        files = [wr.WeavePanelArtifact(artifact=f"report-{run}", tab="files") for run in project.runs]
        sections.append(ws.Section("Reports as files", panels=files))
    return ws.Workspace(
        entity=project.entity,
        project=project.project,
        name="dyninf",
        sections=sections,
        runset_settings=ws.RunsetSettings(
            groupby=[expr.Config(name) for name in GROUPS],
            order=[expr.Ordering(expr.Summary("test/dynamic/top1"), ascending=False)],
            pinned_columns=["run:displayName", *(f"summary:{name}" for name in COLUMNS)],
            group_colors={ws.GroupPath(*path): color for path, color in _colors().items()},
        ),
    )


def parts_of(project: Project) -> list[Part]:
    """The parts that report and workspace share; panels are made anew, since each has an id of its own."""
    shares = [f"test/exit_share/{name}" for name in project.checkpoints]
    return [
        Part(
            "Accuracy against GMACs",
            "A point is dynamic inference on the test split; its colour is that of the backbone. The chart "
            "has one threshold after the other, and each checkpoint for all videos.",
            [
                wr.ScatterPlot(
                    title="dynamic inference",
                    x=wr.SummaryMetric("test/dynamic/gmacs"),
                    y=wr.SummaryMetric("test/dynamic/top1"),
                    legend_template="${config:backbone.name} ${config:scheme.name}",
                ),
                _chart("accuracy_gmacs", "wandb/line/v0", x="gmacs", y="top1", stroke="videos stop by"),
                wr.WeavePanelSummaryTable(table_name="curve"),
            ],
        ),
        Part(
            "Full against dynamic inference",
            "The same network, to its last checkpoint and leaving early.",
            [
                _bars("top-1", [f"test/{kind}/top1" for kind in KINDS]),
                _bars("GMACs a video", [f"test/{kind}/gmacs" for kind in KINDS]),
            ],
        ),
        Part(
            "Where videos leave",
            "Shares of the test videos, by checkpoint.",
            [_chart("exit_shares", "wandb/bar/v0", label="checkpoint", value="exit_share")]
            + ([_bars("share of videos that left", shares)] if shares else [])
            + [wr.WeavePanelSummaryTable(table_name="checkpoints")],
        ),
        Part(
            "Training",
            "By epoch; validation is on the calibration split, in full inference.",
            [
                wr.LinePlot(title="loss", x="epoch", y=["train/loss", "val/loss"]),
                wr.LinePlot(title="top-1 of the last checkpoint", x="epoch", y=["train/top1", "val/top1"]),
                wr.LinePlot(title="top-1 of each checkpoint", x="epoch", metric_regex="val/top1/.*"),
            ],
        ),
        Part(
            "Classes and videos",
            "What each class costs and loses, and for some videos why they left where they did, with the "
            "frames that the network saw.",
            [wr.WeavePanelSummaryTable(table_name=name) for name in ("classes", "videos")]
            + [wr.MediaBrowser(title="frames", media_keys=["frames"], num_columns=2)],
        ),
    ]


def _bars(title: str, names: Sequence[str]) -> wr.BarPlot:
    return wr.BarPlot(title=title, metrics=[wr.SummaryMetric(name) for name in names], orientation="v")


def _chart(name: str, kind: str, **fields: str) -> wr.CustomChart:
    """A chart that runs log, drawn again from its table, so that a panel has those of all its runs."""
    return wr.CustomChart(
        query={"id": {}, "name": {}, "summaryTable": {"tableKey": f"{name}_table"}},
        chart_name=kind,
        chart_fields=fields,
        chart_strings={"title": name},
    )


def _colors() -> dict[tuple[str, ...], str]:
    """One colour a backbone of ``conf/backbone``, whatever the scheme."""
    palette = colormaps["tab20"].colors
    colors: dict[tuple[str, ...], str] = {}
    for i, backbone in enumerate(choices("backbone")):
        color = to_hex(palette[i % len(palette)])
        colors |= dict.fromkeys([(backbone,), *product([backbone], choices("scheme"))], color)
    return colors


def _group_key(name: str, value: str) -> wr.RunsetGroupKey:
    return wr.RunsetGroupKey(wr.Config(name), value)


def _of_files(project: Project) -> str:
    if project.runs:
        return "Open a file below for the whole report of a run."
    return "A run that logs its report has it as the artifact report-RUN, of the type report."
