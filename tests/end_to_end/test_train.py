"""``python -m dyninf.train``: what a run leaves behind, resuming, seeds, multiruns."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from tests.end_to_end.commands import Finished, begun_together, forked, started

from dyninf.checksum import unsealed_text
from dyninf.trace import Trace

Command = Callable[..., Finished]
SCHEMES = ("depth", "input", "joint", "plain")
CHECKPOINTS = {"depth": 3, "input": 4, "joint": 12, "plain": 1}  # of 4 stages, 3 with a head, 4 groups


def summary_of(run: Path) -> dict:
    return json.loads((run / "summary.json").read_text())


def weights_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    content = torch.load(checkpoint, weights_only=True)
    return {name: value for name, value in content["state_dict"].items() if name.startswith("network.")}


def same_weights(one: Path, other: Path) -> bool:
    first, second = weights_of(one), weights_of(other)
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_run_leaves_config_checkpoints_traces_summary_curve_and_log(
    scheme: str, run_of: Callable[[str], Path]
) -> None:
    run = run_of(scheme)
    files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    trace = {"trace.json", "logits.npy", "videos.csv"}
    assert files == {
        "config.yaml",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "summary.json",
        "policy.json",
        "curve.csv",
        "curve.png",
        "anytime.csv",
        "budgeted.csv",
        "classes.csv",
        "metrics.csv",
        "reliability.png",
        "logs/version_0/metrics.csv",
        "logs/version_0/hparams.yaml",
        *(f"trace/calibration/{name}" for name in trace),
        *(f"trace/test/{name}" for name in trace),
    }


@pytest.mark.parametrize(
    "options",
    [
        ["scheme.shift=nearest", "distillation=last", "module.activation_checkpointing=true"],
        ["scheme.shift=two_way", "scheme.average=cells", "backbone.head_width=32"],
        ["scheme=depth", "backbone.shift_place=bottleneck"],
    ],
    ids=" ".join,
)
def test_every_option_of_a_network_survives_training_and_evaluation(
    options: list[str], tiny: list[str], command: Command, here: Path
) -> None:
    command("train", "backbone=msdnet_small", *options, *tiny, "output=run").check()
    command("evaluate", "checkpoint=run/checkpoints/last.ckpt", "output=again").check()
    summary, again = summary_of(here / "run"), summary_of(here / "again")
    assert summary["replay_agrees"] == summary["videos"] == 12
    assert again["fingerprint"] == summary["fingerprint"]
    assert again["full"] == summary["full"]


def test_a_training_with_every_augmentation_and_mixing_leaves_a_network_that_evaluates_the_same(
    tiny: list[str], command: Command, here: Path
) -> None:
    augmented = ["dataset.train_crop=multi_scale", "dataset.randaugment=[2,9]", "mixing=mixup_or_cutmix"]
    command("train", *tiny, *augmented, "distillation=last", "dataset.batch_size=8", "output=run").check()
    summary = summary_of(here / "run")
    assert summary["replay_agrees"] == summary["videos"] == 12
    with open(here / "run/logs/version_0/metrics.csv", newline="") as file:
        columns = set(next(csv.reader(file)))
    assert {"train/loss", "train/distillation", "val/top1"} <= columns
    assert not any(column.startswith("train/top") for column in columns)
    command("evaluate", "checkpoint=run/checkpoints/last.ckpt", "output=again").check()
    assert summary_of(here / "again")["full"] == summary["full"]


def test_two_processes_train_a_route_that_leaves_parameters_without_a_gradient(
    tiny: list[str], here: Path
) -> None:
    more = ["scheme.checkpoints=[[1,2],[4,3]]", "dataset.batch_size=4", "output=run"]  # three steps
    for one in begun_together("train", "trainer=ddp_cpu", *tiny, *more, cwd=here, logs=here / "logs"):
        one.wait().check()
    summary = summary_of(here / "run")
    assert [row["name"] for row in summary["checkpoints"]] == ["1f-res3", "4f-res4"]
    assert summary["replay_agrees"] == summary["videos"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_summary_compares_full_with_dynamic_inference_and_lists_the_checkpoints(
    scheme: str, run_of: Callable[[str], Path]
) -> None:
    run = run_of(scheme)
    summary = summary_of(run)
    assert {"top1", "gmacs"} <= summary["full"].keys()
    assert {"top1", "gmacs", "exit_share"} <= summary["dynamic"].keys()
    rows = summary["checkpoints"]
    assert len(rows) == len(summary["dynamic"]["exit_share"]) == CHECKPOINTS[scheme]
    assert all({"name", "top1", "gmacs", "top1_low", "top1_high", "ece"} <= row.keys() for row in rows)
    assert sum(summary["dynamic"]["exit_share"]) == pytest.approx(1)
    assert [row["gmacs"] for row in rows] == sorted({row["gmacs"] for row in rows})
    assert rows[-1]["gmacs"] == pytest.approx(summary["full"]["gmacs"])
    assert rows[-1]["top1"] == pytest.approx(summary["full"]["top1"])
    shares = zip(rows, summary["dynamic"]["exit_share"], strict=True)
    assert summary["dynamic"]["gmacs"] == pytest.approx(sum(row["gmacs"] * share for row, share in shares))
    assert [row["name"] for row in rows] == list(Trace.load(run / "trace/test").info.checkpoints)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_leaving_for_real_agrees_with_the_replayed_trace_for_every_video(
    scheme: str, run_of: Callable[[str], Path]
) -> None:
    summary = summary_of(run_of(scheme))
    assert summary["replay_agrees"] == summary["videos"] == 12


def test_the_traces_of_a_run_are_of_one_network_and_of_splits_without_a_common_video(
    run_of: Callable[[str], Path],
) -> None:
    run = run_of("joint")
    calibration, test = (Trace.load(run / "trace" / split) for split in ("calibration", "test"))
    calibration.check_same_network(test)
    assert test.info.fingerprint == summary_of(run)["fingerprint"]
    assert not set(calibration.video_ids) & set(test.video_ids)


def test_the_saved_config_is_resolved_and_the_same_as_in_the_checkpoint(
    run_of: Callable[[str], Path],
) -> None:
    run = run_of("joint")
    text = unsealed_text((run / "config.yaml").read_text())
    assert "${" not in text
    content = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    assert OmegaConf.create(text) == OmegaConf.create(content["dyninf"]["config"])


def test_the_curve_is_a_png_image(run_of: Callable[[str], Path]) -> None:
    content = (run_of("joint") / "curve.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert content[12:16] == b"IHDR"
    width, height = (int.from_bytes(content[i : i + 4]) for i in (16, 20))
    assert width > 300
    assert height > 200


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_log_has_the_accuracy_at_every_checkpoint_in_training_and_validation(
    scheme: str, run_of: Callable[[str], Path]
) -> None:
    run = run_of(scheme)
    with open(run / "logs/version_0/metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    logged = {column: float(value) for row in rows for column, value in row.items() if value}
    for checkpoint in summary_of(run)["checkpoints"]:
        for phase in ("train", "val"):
            for kind in ("top1", "top5"):
                assert 0 <= logged[f"{phase}/{kind}/{checkpoint['name']}"] <= 1
    assert logged["train/loss"] > 0
    assert logged["val/top1"] == logged[f"val/top1/{checkpoint['name']}"]
    assert logged["test/full/top1"] == pytest.approx(summary_of(run)["full"]["top1"])
    assert logged["test/dynamic/gmacs"] == pytest.approx(summary_of(run)["dynamic"]["gmacs"])


@pytest.mark.parametrize("logger", ["none", "csv"])
def test_every_run_has_a_table_of_its_epochs_whatever_follows_it(
    logger: str, tiny: list[str], command: Command, here: Path
) -> None:
    two = ("scheme=depth", "trainer.max_epochs=2", f"logger={logger}", "output=run")
    command("train", *tiny, *two).check()
    with open(here / "run/metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["step"]) for row in rows] == [("0", "0"), ("1", "1")]
    for column in ("train/loss", "val/loss", "train/top1/4f-res3", "val/top5/4f-res5"):
        assert all(float(row[column]) >= 0 for row in rows)


def test_the_command_line_makes_the_data_trains_and_says_what_it_wrote(
    here: Path, tmp_path: Path, tiny: list[str]
) -> None:
    own_data = [override for override in tiny if not override.startswith("paths.data_dir=")]
    done = started("train", "scheme=depth", *own_data, cwd=here).check()
    [summary] = here.glob("outputs/*/*/summary.json")
    assert "4f-res5" in done.out
    assert "GMACs" in done.out
    assert "12 of 12 videos" in done.out
    assert summary.parent.relative_to(here).as_posix() in "".join(done.out.split())
    assert "Traceback" not in done.err
    assert len(list(here.glob("data/synthetic/*/manifest.csv"))) == 1

    elsewhere = tmp_path / "elsewhere"  # the checkpoint remembers where its data lies
    elsewhere.mkdir()
    checkpoint = summary.parent / "checkpoints/best.ckpt"
    forked("evaluate", f"checkpoint={checkpoint}", "output=out", cwd=elsewhere, logs=tmp_path).check()
    assert [path.name for path in elsewhere.iterdir()] == ["out"]
    assert summary_of(elsewhere / "out") == summary_of(summary.parent)


def test_the_last_checkpoint_is_of_the_last_epoch_and_a_run_goes_on_where_it_stopped(
    command: Command, here: Path, tiny: list[str], run_of: Callable[[str], Path]
) -> None:
    one_epoch = run_of("depth") / "checkpoints/last.ckpt"
    two = ("scheme=depth", *tiny, "trainer.max_epochs=2", "scheduler.T_max=2")
    command("train", *two, f"checkpoint={one_epoch}", "output=resumed").check()
    command("train", *two, "output=uninterrupted").check()

    before, resumed, uninterrupted = (
        torch.load(path, weights_only=True)
        for path in (
            one_epoch,
            *(here / run / "checkpoints/last.ckpt" for run in ("resumed", "uninterrupted")),
        )
    )
    assert (before["epoch"], before["global_step"]) == (0, 1)
    assert (resumed["epoch"], resumed["global_step"]) == (1, 2)
    assert (uninterrupted["epoch"], uninterrupted["global_step"]) == (1, 2)
    with open(here / "resumed/logs/version_0/metrics.csv", newline="") as file:
        assert {row["epoch"] for row in csv.DictReader(file) if row["train/loss"]} == {"1"}
    assert resumed["state_dict"].keys() == uninterrupted["state_dict"].keys()
    assert not same_weights(one_epoch, here / "resumed/checkpoints/last.ckpt")
    first, second = (summary_of(here / run) for run in ("resumed", "uninterrupted"))
    assert first["full"]["gmacs"] == second["full"]["gmacs"]
    assert first["checkpoints"][0].keys() == second["checkpoints"][0].keys()
    assert [row["name"] for row in first["checkpoints"]] == [row["name"] for row in second["checkpoints"]]


def test_a_seed_repeats_a_training_bit_for_bit_and_another_seed_does_not(
    command: Command, here: Path, tiny: list[str]
) -> None:
    for output, seed in (("one", 3), ("again", 3), ("other", 4)):
        command("train", "scheme=input", *tiny, f"seed={seed}", f"output={output}").check()
    one, again, other = (here / run / "checkpoints/best.ckpt" for run in ("one", "again", "other"))
    assert same_weights(one, again)
    assert not same_weights(one, other)
    assert summary_of(here / "one") == summary_of(here / "again")


def test_a_multirun_over_schemes_makes_a_folder_for_each_with_its_number_and_scheme(
    command: Command, here: Path, tiny: list[str]
) -> None:
    command("train", "-m", "scheme=depth,input", *tiny, "output=both").check()
    found = [summary_of(here / "both" / job)["network"] for job in ("0-depth", "1-input")]
    assert found == ["resnet_small-depth-4f", "resnet_small-input-4f"]


def test_a_threshold_that_is_given_is_used_and_none_is_chosen(
    command: Command, here: Path, tiny: list[str]
) -> None:
    command("train", "scheme=depth", *tiny, "policy.threshold=0.0", "output=run").check()
    summary = summary_of(here / "run")
    assert summary["threshold"] == 0.0
    assert summary["dynamic"]["exit_share"] == [1, 0, 0]
