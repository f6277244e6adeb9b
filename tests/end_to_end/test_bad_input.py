"""Bad input: one clear line that says what is wrong and what is allowed, and nothing half-written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, started
from tests.files import held_in

Command = Callable[..., Finished]


def test_the_command_line_refuses_with_one_line(command: Command, here: Path) -> None:
    for name, dataset in (("train", ()), ("evaluate", ("dataset=synthetic",)), ("sweep", ())):
        done = command(name, "max_dorp=0.1", *dataset)
        assert_refused(done, name, here, "'max_dorp'", "max_drop", "policy")
    alone = started("train", "max_dorp=0.1", cwd=here)
    assert_refused(alone, "train", here, "'max_dorp'", "max_drop", "policy")


def test_an_unknown_setting_is_answered_with_those_there_are(command: Command, here: Path) -> None:
    assert_refused(
        command("train", "learning_rate=0.1"), "train", here, "'learning_rate'", "optimizer", "seed"
    )


def test_an_unknown_nested_setting_is_answered_with_those_beside_it(command: Command, here: Path) -> None:
    assert_refused(command("train", "trainer.epochs=3"), "train", here, "'trainer.epochs'", "max_epochs")
    assert_refused(command("train", "scheme.x.y=3"), "train", here, "'scheme.x'", "groups", "staircase")


def test_an_added_setting_that_its_class_does_not_take_is_named(
    command: Command, here: Path, tiny: list[str]
) -> None:
    assert_refused(command("train", *tiny, "+trainer.epochs=3"), "train", here, "Trainer", "'epochs'")


@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        ("scheme=diagonal", "depth input joint plain"),
        ("backbone=vgg", "resnet18"),
        ("dataset=kinetics", "hmdb51 kinetics400 mocap something_v1 something_v2 synthetic ucf101"),
        ("policy=certainty", "entropy learned_gate margin max_probability oracle patience random_exit"),
        ("experiment=nothing", "demo"),
    ],
)
def test_an_unknown_choice_is_answered_with_the_choices(
    override: str, allowed: str, command: Command, here: Path
) -> None:
    assert_refused(command("train", override), "train", here, override.replace("=", "/"), allowed)


def test_a_group_that_a_command_does_not_have_is_answered_with_its_groups(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    done = command("evaluate", f"checkpoint={run_of('depth')}/checkpoints/best.ckpt", "scheme=joint")
    assert_refused(done, "evaluate", here, "'scheme'", "dataset, logger, paths, policy")


@pytest.mark.parametrize("override", ["scheme", "scheme.groups=[1,"])
def test_a_malformed_override_is_quoted(override: str, command: Command, here: Path) -> None:
    assert_refused(command("train", override), "train", here, repr(override), "KEY=VALUE")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("scheme.staircase=[[0,0,0,1],[4,4,4,4]]", "cell (4, 1): comes before cell (3, 1)"),
        ("scheme.staircase=[[2,0,0,0],[1,4,4,4]]", "[1, 4, 4, 4] does not continue [2, 0, 0, 0]"),
        ("dataset.num_frames=6", "6 frames cannot be cut into 4 groups"),
        ("module.loss_weights=[1,2]", "2 loss weights for 12 checkpoints: 1f-res3"),
        ("policy.threshold=[0.5,0.6]", "2 thresholds for 12 checkpoints"),
        ("scheme.order=random", "permuted, plain, bisection"),
        ("scheme.shift=offline", "shift=online"),
        ("scheme.checkpoints=first", "all, last, final"),
        ("scheme.checkpoints=[[1,1]]", "(1, 1)"),
        ("dataset.batch_size=0", "batch_size must be 1 or more"),
        ("dataset.train_crop=centre", "random, multi_scale, random_resized"),
        ("dataset.randaugment=[2,99]", "randaugment must be a magnitude from 0 to 30"),
        (
            "backbone._target_=torchvision.models.resnet18",
            "the configuration names 'torchvision.models.resnet18'",
        ),
        ("report=maybe", "report must be true or false, got 'maybe'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_before_anything_is_written(
    override: str, said: str, command: Command, here: Path, tiny: list[str]
) -> None:
    assert_refused(command("train", "scheme=joint", *tiny, override), "train", here, said)


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_a_missing_checkpoint_is_named_with_where_runs_keep_theirs(
    name: str, command: Command, here: Path, tiny: list[str]
) -> None:
    overrides = tiny if name == "train" else []
    done = command(name, *overrides, "checkpoint=nowhere/best.ckpt")
    assert_refused(done, name, here, "no checkpoint at nowhere/best.ckpt", "last.ckpt")


@pytest.mark.parametrize("name", ["train", "evaluate"])
@pytest.mark.parametrize("kind", ["text", "empty", "truncated", "of another program", "an object"])
def test_a_file_that_is_no_checkpoint_is_named(
    kind: str,
    name: str,
    command: Command,
    here: Path,
    tiny: list[str],
    tmp_path: Path,
    run_of: Callable[[str], Path],
) -> None:
    file = tmp_path / "file.ckpt"
    if kind == "text":
        file.write_text("not a checkpoint\n")
    elif kind == "empty":
        file.touch()
    elif kind == "truncated":
        content = (run_of("depth") / "checkpoints/best.ckpt").read_bytes()
        file.write_bytes(content[: len(content) // 2])
    elif kind == "of another program":
        torch.save({"state_dict": {"weight": torch.zeros(3)}, "epoch": 4}, file)
    else:
        torch.save(torch.nn.Linear(2, 2), file)
    overrides = ["scheme=depth", *tiny] if name == "train" else []
    done = command(name, *overrides, f"checkpoint={file}")
    assert_refused(done, name, here, str(file), "dyninf.train")


def test_a_checkpoint_has_to_be_given_to_evaluate(command: Command, here: Path) -> None:
    assert_refused(command("evaluate"), "evaluate", here, "checkpoint is needed")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("backbone=resnet18", "backbone.name is resnet_small in the file, resnet18 here"),
        ("scheme=joint", "scheme.name is depth in the file, joint here"),  # the weights would fit
        ("scheme.shift=none", "scheme.shift is offline in the file, none here"),
        ("dataset.num_frames=8", "dataset.num_frames is 4 in the file, 8 here"),
    ],
)
def test_a_training_does_not_go_on_from_a_checkpoint_of_another_architecture(
    override: str, said: str, command: Command, here: Path, tiny: list[str], run_of: Callable[[str], Path]
) -> None:
    checkpoint = run_of("depth") / "checkpoints/last.ckpt"
    done = command("train", "scheme=depth", *tiny, f"checkpoint={checkpoint}", override)
    assert_refused(done, "train", here, str(checkpoint), said)


def test_a_checkpoint_whose_weights_are_not_those_of_its_config_is_refused(
    command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    content = torch.load(run_of("depth") / "checkpoints/best.ckpt", weights_only=True)
    content["dyninf"]["config"]["backbone"]["width"] = 32
    file = tmp_path / "changed.ckpt"
    torch.save(content, file)
    assert_refused(command("evaluate", f"checkpoint={file}"), "evaluate", here, str(file), "in the network")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("split=validation", "train, calibration, test"),
        ("split=calibration", "give policy.threshold"),
        ("policy.threshold=[0.5]", "1 thresholds for 3 checkpoints"),
        ("policy.threshold=nan", "not a number"),
    ],
)
def test_evaluate_refuses_a_split_or_thresholds_that_do_not_fit(
    override: str, said: str, command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    done = command("evaluate", f"checkpoint={run_of('depth')}/checkpoints/best.ckpt", override)
    assert_refused(done, "evaluate", here, said)


def test_a_threshold_is_not_chosen_on_the_trace_of_another_network(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    traces = (f"trace={run_of('joint')}/trace/test", f"calibration={run_of('depth')}/trace/calibration")
    done = command("sweep", *traces)
    assert_refused(done, "sweep", here, "another network", "resnet_small-depth-4f", "resnet_small-joint-4f")


def test_a_threshold_is_not_chosen_on_the_split_that_is_reported(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    trace = run_of("joint") / "trace/test"
    assert_refused(
        command("sweep", f"trace={trace}", f"calibration={trace}"), "sweep", here, "synthetic/test"
    )


def test_a_missing_trace_is_named_with_those_below_its_place(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    assert_refused(command("sweep"), "sweep", here, "trace is needed")
    assert_refused(command("sweep", "trace=nowhere"), "sweep", here, "no trace at nowhere")
    folder = run_of("joint") / "trace"
    assert_refused(
        command("sweep", f"trace={folder}"), "sweep", here, f"no trace at {folder}", "calibration, test"
    )


@pytest.mark.parametrize("kind", ["logits cut", "no list", "facts cut", "no costs", "a video missing"])
def test_a_damaged_trace_is_named(
    kind: str, command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    trace = tmp_path / "trace"
    shutil.copytree(run_of("depth") / "trace/test", trace)
    logits, videos, facts = trace / "logits.npy", trace / "videos.csv", trace / "trace.json"
    if kind == "logits cut":
        logits.write_bytes(logits.read_bytes()[:300])
    elif kind == "no list":
        videos.unlink()
    elif kind == "facts cut":
        facts.write_text(facts.read_text()[:50])
    elif kind == "no costs":
        facts.write_text(json.dumps({k: v for k, v in held_in(facts).items() if k != "macs"}))
    else:
        videos.write_text("\n".join(videos.read_text().splitlines()[:-1]) + "\n")
    assert_refused(command("sweep", f"trace={trace}"), "sweep", here, f"the trace at {trace} is damaged")


def test_a_job_of_a_multirun_that_fails_is_told_and_the_others_still_run(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = run_of("depth") / "checkpoints/best.ckpt"
    done = command("evaluate", "-m", f"checkpoint={checkpoint}", "split=validation,test", "output=both")
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("dyninf.evaluate: error: synthetic has no split 'validation'")
    assert "split=validation" in done.err
    assert "Traceback" not in done.err
    assert [path.name for path in (here / "both").iterdir() if path.is_dir()] == ["1-test"]
    assert (here / "both/1-test/summary.json").is_file()


def test_a_folder_that_had_something_in_it_is_left_as_it_was(
    command: Command, here: Path, tiny: list[str]
) -> None:
    (here / "notes").mkdir()
    (here / "notes/mine.txt").write_text("keep")
    done = command("train", *tiny, "dataset.num_frames=6", "output=notes")
    assert done.code == 2
    assert [path.relative_to(here).as_posix() for path in here.rglob("*")] == ["notes", "notes/mine.txt"]


@pytest.mark.parametrize("overrides", [["trainer.epochs=3"], ["dataset.batch_size=0"]])
def test_the_traceback_is_there_for_those_who_ask(overrides: list[str], command: Command) -> None:
    done = command("train", *overrides, HYDRA_FULL_ERROR="1")
    assert done.code == 1
    assert "Traceback (most recent call last)" in done.err
    assert "dyninf.train: error" not in done.err


@pytest.mark.parametrize(
    ("name", "override"), [("train", "max_drop=abc"), ("train", "max_drop=-1"), ("sweep", "points=0")]
)
def test_a_setting_that_is_no_such_number_is_named(
    name: str, override: str, command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    trace = [f"trace={run_of('joint')}/trace/test"] if name == "sweep" else []
    key, value = override.split("=")
    assert_refused(command(name, *trace, override), name, here, key, "number of at least", value)


def test_a_device_that_is_not_there_is_refused_before_anything_runs(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = f"checkpoint={run_of('joint')}/checkpoints/best.ckpt"
    assert_refused(command("evaluate", checkpoint, "device=tpu"), "evaluate", here, "'tpu'", "cpu")


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "running code", "of another network"])
def test_weights_that_do_not_fit_are_refused_before_anything_is_written(
    kind: str, command: Command, here: Path, tiny: list[str], tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    file, said = tmp_path / "weights.pth", "damaged or incomplete"
    if kind == "missing":
        said = "no weights at"
    elif kind == "text":
        file.write_text("not weights\n")
    elif kind == "truncated":
        content = (run_of("depth") / "checkpoints/best.ckpt").read_bytes()
        file.write_bytes(content[: len(content) // 2])
    elif kind == "running code":
        torch.save(torch.nn.Linear(2, 2), file)
        said = "would run code (torch.nn.modules.linear.Linear)"
    else:
        torch.save({"encoder.weight": torch.zeros(3)}, file)
        said = "does not fit resnet_small: nothing is in it by a known name; it has encoder.weight. Namings"
    assert_refused(command("train", *tiny, f"pretrained={file}"), "train", here, str(file), said)


def test_weights_of_a_network_of_another_depth_are_refused(
    command: Command, here: Path, tiny: list[str], run_of: Callable[[str], Path]
) -> None:
    file = run_of("depth") / "checkpoints/best.ckpt"
    done = command("train", *tiny, f"pretrained={file}", "backbone.layers=[1,2,1,1]")
    assert_refused(done, "train", here, str(file), "layer2.1.conv1.weight", "another depth")


def test_a_run_that_goes_on_takes_no_weights_from_elsewhere(
    command: Command, here: Path, tiny: list[str], run_of: Callable[[str], Path]
) -> None:
    file = run_of("depth") / "checkpoints/last.ckpt"
    done = command("train", "scheme=depth", *tiny, f"checkpoint={file}", f"pretrained={file}")
    assert_refused(done, "train", here, "give checkpoint or pretrained, not both")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("hieght=112", "'hieght'; there are: backbone, checkpoint, device, height, hydra"),
        ("backbone=vgg", "resnet18"),
        ("dataset=synthetic", "backbone, scheme"),
        ("backbone.wdith=8", "'backbone.wdith'; there are: _target_, block"),
        ("num_frames=6", "6 frames cannot be cut into 4 groups"),
        ("num_frames=0", "num_frames must be a number of at least 1, got 0"),
        ("num_classes=many", "num_classes must be a number of at least 1, got 'many'"),
        ("width=2.5", "width must be a whole number, got 2.5"),
        ("scheme.shift=offline", "shift=online"),
    ],
)
def test_macs_refuses_a_network_or_frames_that_there_cannot_be(
    override: str, said: str, command: Command, here: Path
) -> None:
    assert_refused(command("macs", override, "output=out/costs.json"), "macs", here, said)


def test_macs_refuses_an_output_that_is_no_file_or_the_file_of_every_job(
    command: Command, here: Path, tmp_path: Path
) -> None:
    assert_refused(command("macs", f"output={tmp_path}"), "macs", here, f"{tmp_path} is a folder")
    file = tmp_path / "notes.txt"
    file.write_text("keep")
    assert_refused(command("macs", f"output={file}/costs.json"), "macs", here, f"{file} is a file")
    assert file.read_text() == "keep"
    done = command("macs", "-m", "num_frames=4,8", "output=costs.json")
    assert done.code == 2
    assert "every job would write output=costs.json" in done.err.splitlines()[-1]
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "runs is needed"),
        (["runs=nowhere"], "no folder nowhere"),
        (["runs=[nowhere,there]"], "no folder nowhere"),
        (["runs=."], "no run below ."),
        (["runs=nowhere", "output=report.pdf"], "ends in .html, got 'report.pdf'"),
        (["runs=nowhere", "points=1"], "points must be a number of at least 2"),
        (["runs=nowhere", "points=1000"], "points must be from 2 to 255"),
        (["runs=nowhere", "videos=-1"], "videos must be a number of at least 0"),
        (["runs=nowhere", "policies=[entropi]"], "policy 'entropi' is unknown; choose from entropy"),
        (["runs=nowhere", "policy=entropi"], "entropi"),
        (["runs=nowhere", "grad_cam=7"], "grad_cam must be true or false"),
    ],
)
def test_a_report_that_cannot_be_made_says_why(
    overrides: list[str], said: str, command: Command, here: Path
) -> None:
    assert_refused(command("report", *overrides), "report", here, said)
