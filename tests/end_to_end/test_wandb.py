"""``logger=wandb`` without a network: the run is in a file below the run's folder."""

import json
import struct
from pathlib import Path

import pytest
from tests.end_to_end.commands import started
from wandb.proto.wandb_internal_pb2 import Record


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


@pytest.fixture(scope="module")
def logged(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, dict]:
    """The run's folder; the config and the last value of everything that it logged."""
    # A process of its own from start to end: W&B finishes its file when Python exits.
    here = tmp_path_factory.mktemp("wandb")
    started("train", "logger=wandb", "scheme=depth", *tiny, "output=run", cwd=here).check()
    [file] = (here / "run").rglob("run-*.wandb")
    config, values = {}, {}
    for record in records(file):
        for item in (*record.run.config.update, *record.config.update):
            config[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
        for item in record.history.item:
            values[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
    return here / "run", config, values


def test_an_offline_run_has_the_config(logged: tuple[Path, dict, dict]) -> None:
    _, config, _ = logged
    assert config["scheme"]["name"] == "depth"
    assert config["backbone"]["name"] == "resnet_small"


def test_an_offline_run_has_the_metrics_of_every_checkpoint(logged: tuple[Path, dict, dict]) -> None:
    run, _, values = logged
    summary = json.loads((run / "summary.json").read_text())
    for checkpoint in summary["checkpoints"]:
        assert 0 <= values[f"val/top1/{checkpoint['name']}"] <= 1
    assert values["test/dynamic/top1"] == pytest.approx(summary["dynamic"]["top1"])
    assert values["test/full/gmacs"] == pytest.approx(summary["full"]["gmacs"])


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
    ],
)
def test_an_offline_run_has_the_curve_and_the_checkpoints_as_tables(
    name: str, columns: list[str], logged: tuple[Path, dict, dict]
) -> None:
    run, _, values = logged
    assert values[f"{name}._type"] == "table-file"
    [file] = run.rglob(values[f"{name}.path"])
    content = json.loads(file.read_text())
    assert content["columns"] == columns
    assert len(content["data"]) == values[f"{name}.nrows"] > 0


def test_a_multirun_writes_a_file_for_each_job(tiny: list[str], tmp_path: Path) -> None:
    overrides = ("-m", "scheme=depth,plain", "logger=wandb", *tiny, "output=both")
    started("train", *overrides, cwd=tmp_path).check()
    names = []
    for job in ("0-depth", "1-plain"):
        [file] = (tmp_path / "both" / job).rglob("run-*.wandb")
        configs = [
            json.loads(i.value_json) for r in records(file) for i in r.config.update if i.key == "scheme"
        ]
        names.append(configs[-1]["name"])
    assert names == ["depth", "plain"]
