"""``logger=wandb`` without a network: the run is in a file below the run's folder."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.end_to_end.commands import Finished, started
from tests.made_once import MadeOnce
from wandb.proto.wandb_internal_pb2 import Record

from dyninf.version import __version__, commit

Command = Callable[..., Finished]


def records(file: Path) -> list[Record]:
    """What an offline run wrote, in its order.

    The format is LevelDB's log after 7 bytes of W&B's own: blocks of 32 KiB, in them pieces of records, each
    after a checksum (4 bytes), its length (2) and 1, 2, 3 or 4 for a whole record, its first, a middle or its
    last piece.
    """
    content, block = file.read_bytes(), 32768
    assert content[:4] == b":W&B"
    found, pieces, place = [], b"", 7
    while place + 7 <= len(content):
        if block - place % block < 7:  # too little for a head: the block ends with zeros
            place += block - place % block
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        pieces += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            found.append(Record.FromString(pieces))
            pieces = b""
    return found


@dataclass
class Logged:
    """An offline run: its folder, group and tags; the config and the last value of everything it logged.

    artifacts: the paths of the files of each, by its type and name.
    """

    folder: Path
    group: str
    tags: list[str]
    config: dict[str, Any]
    values: dict[str, Any]
    artifacts: dict[tuple[str, str], list[str]]

    @classmethod
    def read(cls, folder: Path) -> "Logged":
        [file] = folder.rglob("run-*.wandb")
        config, values, artifacts = {}, {}, {}
        for record in records(file):
            if record.HasField("run"):
                group, tags = record.run.run_group, list(record.run.tags)
            logged = record.request.log_artifact.artifact if record.HasField("request") else record.artifact
            if logged.name:
                artifacts[logged.type, logged.name] = [entry.path for entry in logged.manifest.contents]
            for item in (*record.run.config.update, *record.config.update):
                config[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
            for item in record.history.item:
                values[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
        return cls(file.parent, group, tags, config, values, artifacts)

    def table(self, name: str) -> dict[str, Any]:
        """A table that was logged, as its file has it."""
        assert self.values[f"{name}._type"] == "table-file"
        content = json.loads((self.folder / "files" / self.values[f"{name}.path"]).read_text())
        assert len(content["data"]) == self.values[f"{name}.nrows"] > 0
        return content

    def chart(self, name: str) -> dict[str, Any]:
        """A chart's kind, and the columns that it draws."""
        panel = self.config[f"_wandb.visualize.{name}"]["panel_config"]
        return {"kind": panel["panelDefId"], **panel["fieldSettings"], **panel["stringSettings"]}


@pytest.fixture(scope="module")
def run(tiny: list[str], made_once: MadeOnce) -> Path:
    def train(folder: Path) -> None:
        # A Python of its own, from start to end.
        started(
            "train", "logger=wandb", "scheme=depth", *tiny, "output=run", "report=true", cwd=folder
        ).check()

    return made_once("wandb", train) / "run"


@pytest.fixture(scope="module")
def logged(run: Path) -> Logged:
    return Logged.read(run)


@pytest.fixture(scope="module")
def summary(run: Path) -> dict[str, Any]:
    return json.loads((run / "summary.json").read_text())


def test_an_offline_run_has_the_config_the_code_and_tags(logged: Logged) -> None:
    assert logged.config["scheme"]["name"] == "depth"
    assert logged.config["backbone"]["name"] == "resnet_small"
    assert logged.config["code"]["version"] == __version__
    assert (logged.config["code"]["commit"] is None) == (commit() is None)
    assert logged.tags == ["resnet_small", "depth", "4f", "synthetic", "MaxProbability"]
    assert logged.group == ""  # a single run, of no experiment


def test_an_offline_run_has_the_metrics_of_every_checkpoint(logged: Logged, summary: dict[str, Any]) -> None:
    shares = summary["dynamic"]["exit_share"]
    for checkpoint, share in zip(summary["checkpoints"], shares, strict=True):
        assert 0 <= logged.values[f"val/top1/{checkpoint['name']}"] <= 1
        assert logged.values[f"test/top1/{checkpoint['name']}"] == pytest.approx(checkpoint["top1"])
        assert logged.values[f"test/gmacs/{checkpoint['name']}"] == pytest.approx(checkpoint["gmacs"])
        assert logged.values[f"test/exit_share/{checkpoint['name']}"] == pytest.approx(share)
    assert logged.values["test/dynamic/top1"] == pytest.approx(summary["dynamic"]["top1"])
    assert logged.values["calibration/dynamic/top1"] == pytest.approx(summary["calibration"]["top1"])
    assert logged.values["test/full/gmacs"] == pytest.approx(summary["full"]["gmacs"])
    assert logged.values["test/threshold"] == pytest.approx(summary["threshold"])


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            "curve",
            [
                *("threshold", "top1", "top5", "gmacs", "top1_low", "top1_high"),
                *("share_4f-res3", "share_4f-res4", "share_4f-res5"),
            ],
        ),
        ("checkpoints", ["checkpoint", "top1", "gmacs", "exit_share"]),
        (
            "classes",
            [
                "class",
                "videos",
                "full_top1",
                "top1",
                *(f"{name}{end}" for name in ("change", "gmacs") for end in ("", "_low", "_high")),
            ],
        ),
        ("videos", ["video_id", "label", "predicted", "checkpoint", "gmacs", "why"]),
    ],
)
def test_an_offline_run_has_its_figures_as_tables(name: str, columns: list[str], logged: Logged) -> None:
    assert logged.table(name)["columns"] == columns


def test_an_offline_run_draws_accuracy_against_gmacs_and_the_shares_that_left(
    logged: Logged, summary: dict[str, Any]
) -> None:
    line, bars = logged.chart("accuracy_gmacs"), logged.chart("exit_shares")
    assert (line["kind"], line["x"], line["y"]) == ("wandb/line/v0", "gmacs", "top1")
    assert (bars["kind"], bars["label"], bars["value"]) == ("wandb/bar/v0", "checkpoint", "exit_share")
    points = logged.table("accuracy_gmacs_table")
    assert {line["x"], line["y"], line["stroke"]} <= set(points["columns"])
    assert {row[2] for row in points["data"]} == {"one threshold", "one checkpoint"}
    shares = [
        [checkpoint["name"], pytest.approx(share)]
        for checkpoint, share in zip(summary["checkpoints"], summary["dynamic"]["exit_share"], strict=True)
    ]
    assert logged.table("exit_shares_table")["data"] == shares


def test_the_table_of_classes_adds_up_to_the_summary(logged: Logged, summary: dict[str, Any]) -> None:
    rows = logged.table("classes")["data"]
    assert sum(row[1] for row in rows) == summary["videos"] == 12
    for column, value in (
        (2, summary["full"]["top1"]),
        (3, summary["dynamic"]["top1"]),
        (7, summary["dynamic"]["gmacs"]),
    ):
        assert sum(row[1] * row[column] for row in rows) / 12 == pytest.approx(value)


def test_some_videos_have_pictures_and_the_reason_why_they_left(logged: Logged) -> None:
    rows = logged.table("videos")["data"]
    for _, _, _, checkpoint, _, why in rows:
        last = why.removesuffix(", the last").split(", ")[-1]
        assert last.startswith(checkpoint)
        assert "≥" in last or why.endswith("the last")
    assert logged.values["frames.captions"] == [
        f"{label}, taken for {predicted} at {checkpoint}: {why}"
        for _, label, predicted, checkpoint, _, why in rows
    ]
    for path in logged.values["frames.filenames"]:
        with Image.open(logged.folder / "files" / path) as picture:
            assert picture.width == 4 * picture.height
    assert len(set(logged.values["frames.filenames"])) == len(rows) == 8


def test_the_report_is_an_artifact(logged: Logged) -> None:
    [(kind, name)] = [key for key in logged.artifacts if key[0] == "report"]
    assert name == f"report-{logged.folder.name.rsplit('-', 1)[1]}"
    assert logged.artifacts[kind, name] == ["report.html"]


def test_the_jobs_of_a_multirun_are_one_group(tiny: list[str], command: Command, here: Path) -> None:
    command("train", "-m", "scheme=depth,plain", "logger=wandb", *tiny, "output=both").check()
    jobs = [Logged.read(here / "both" / job) for job in ("0-depth", "1-plain")]
    assert [job.config["scheme"]["name"] for job in jobs] == ["depth", "plain"]
    assert [job.tags[1] for job in jobs] == ["depth", "plain"]
    assert [job.group for job in jobs] == ["both", "both"]


def test_thresholds_are_a_run_a_point_in_evaluate_and_a_curve_in_sweep(
    run: Path, command: Command, here: Path
) -> None:
    points = ("-m", f"checkpoint={run}/checkpoints/best.ckpt", "policy.threshold=0.0,2.0")
    command("evaluate", *points, "logger=wandb", "output=points").check()
    first, last = (Logged.read(here / "points" / job) for job in ("0-threshold_0.0", "1-threshold_2.0"))
    assert (first.group, last.group) == ("points", "points")
    assert (first.values["test/threshold"], last.values["test/threshold"]) == (0, 2)
    assert first.values["test/dynamic/gmacs"] < last.values["test/dynamic/gmacs"]
    assert first.config["run"]["scheme"]["name"] == "depth"
    assert first.tags == ["resnet_small", "depth", "4f", "synthetic", "MaxProbability"]
    assert len(first.table("videos")["data"]) == len(first.values["frames.filenames"]) == 8

    command("sweep", f"trace={run}/trace/test", "points=9", "logger=wandb", "output=curve").check()
    curve = Logged.read(here / "curve")
    assert len(curve.table("curve")["data"]) == 9
    assert curve.chart("accuracy_gmacs")["y"] == "top1"
    assert "test/dynamic/gmacs" not in curve.values
    assert curve.values["test/full/gmacs"] == pytest.approx(last.values["test/dynamic/gmacs"])


@pytest.mark.parametrize(
    "environment",
    [
        {"WANDB_API_KEY": ""},
        {"WANDB_API_KEY": "a" * 40, "WANDB_BASE_URL": "http://127.0.0.1:9"},  # where nobody listens
    ],
    ids=["no key", "no network"],
)
def test_without_a_key_or_a_network_a_run_goes_on_offline(
    environment: dict[str, str],
    run_of: Callable[[str], Path],
    command: Command,
    here: Path,
    tmp_path: Path,
) -> None:
    online = {"WANDB_MODE": "online", "HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")}
    settings = ("points=3", "logger=wandb", "logger.settings.init_timeout=5", "output=out")
    trace = f"trace={run_of('depth')}/trace/test"
    done = command("sweep", trace, *settings, **online, **environment).check()
    warnings = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert "W&B cannot start" in warnings[0]
    assert "`wandb sync` sends it later" in warnings[0]
    [offline] = (here / "out" / "wandb").glob("offline-run-*")
    assert len(Logged.read(offline).table("curve")["data"]) == 3
