"""``python -m dyninf.fit_gates checkpoint=PATH``: a checkpoint with gates, which the other commands take."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, started

from dyninf import checkpoint_file
from dyninf.grid import fingerprint
from dyninf.trace import Trace

Command = Callable[..., Finished]
QUICK = ("gates.epochs=2", "gates.width=8", "output=gates")


def test_gates_are_fitted_and_every_command_takes_the_file(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    best = run_of("joint") / "checkpoints/best.ckpt"
    done = started("fit_gates", f"checkpoint={best}", *QUICK, cwd=here).check()
    assert "right to stop" in done.out
    gated = here / "gates/checkpoints/gated.ckpt"
    fits = json.loads((here / "gates/gates.json").read_text())
    assert fits["split"].startswith("synthetic/train@")
    assert fits["recipe"]["width"] == 8
    assert len(fits["gates"]) == 11

    before, after = checkpoint_file.read(best).network(), checkpoint_file.read(gated).network()
    assert after.gates.width == 8
    assert all(torch.equal(after.state_dict()[name], value) for name, value in before.state_dict().items())

    gate = ("policy=learned_gate", "max_drop=0.2")
    command("evaluate", f"checkpoint={gated}", *gate, "output=left").check()
    summary = json.loads((here / "left/summary.json").read_text())
    assert (summary["policy"], summary["fingerprint"]) == ("LearnedGate", fingerprint(after))
    assert summary["replay_agrees"] == summary["videos"] == 12
    macs_K = before.costs(64, 64).macs_K
    extra_K = torch.tensor([row["gmacs"] for row in summary["checkpoints"]]) * 1e9 - macs_K
    gates = [(gate.hidden.in_features + 1) * 8 for gate in after.gates]
    assert extra_K.tolist() == pytest.approx([*torch.tensor(gates).cumsum(0).tolist(), sum(gates)], abs=1)

    traces = here / "left/trace"
    assert Trace.load(traces / "test").gate_VK.shape == (12, 12)
    command(
        "sweep", f"trace={traces}/test", f"calibration={traces}/calibration", *gate, "output=swept"
    ).check()
    command("evaluate", f"checkpoint={gated}", "policy.threshold=0.5", "output=other").check()

    size = ("height=64", "width=64")
    command("macs", f"checkpoint={gated}", *size, "output=costs.json").check()
    costs = json.loads((here / "costs.json").read_text())
    assert [place["cumulative_macs"] for place in costs["checkpoints"]] == after.costs(64, 64).macs_K.tolist()
    assert [place["gate_macs"] > 0 for place in costs["checkpoints"]] == [True] * 11 + [False]


def test_the_same_seed_gives_the_same_gates_and_they_can_be_fitted_anew(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    best = run_of("depth") / "checkpoints/best.ckpt"
    first = f"checkpoint={best}"
    again = f"checkpoint={here}/a/checkpoints/gated.ckpt"
    for checkpoint, output in ((first, "a"), (again, "b")):
        command("fit_gates", checkpoint, "gates.epochs=2", f"output={output}").check()
    a, b = (checkpoint_file.read(here / name / "checkpoints/gated.ckpt") for name in "ab")
    assert a.weights.keys() == b.weights.keys()
    assert all(torch.equal(a.weights[name], b.weights[name]) for name in a.weights)


def test_gates_that_there_cannot_be_and_bad_settings_are_refused(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    depth = f"checkpoint={run_of('depth')}/checkpoints/best.ckpt"
    assert_refused(command("fit_gates"), "fit_gates", here, "checkpoint is needed")
    assert_refused(command("fit_gates", "checkpoint=no.ckpt"), "fit_gates", here, "no checkpoint at no.ckpt")
    for overrides, said in (
        ((f"checkpoint={run_of('plain')}/checkpoints/best.ckpt",), "one checkpoint alone"),
        ((depth, "gates.rule=best"), "near_last, low_loss, no_gain; got 'best'"),
        ((depth, "gates.held_out=2"), "held_out must be a number from 0 to 0.9, got 2"),
        ((depth, "gates.widht=2"), "'gates.widht'; there are: _target_, balance"),
        ((depth, "device=tpu"), "'tpu'"),
    ):
        assert_refused(command("fit_gates", *overrides), "fit_gates", here, said)


def test_a_learned_gate_without_gates_is_refused_before_anything_runs(
    command: Command, here: Path, tiny: list[str], run_of: Callable[[str], Path]
) -> None:
    said, gate = "asks the gates of a network, and this one has none; fit them", "policy=learned_gate"
    best = run_of("depth") / "checkpoints/best.ckpt"
    assert_refused(command("evaluate", f"checkpoint={best}", gate), "evaluate", here, said)
    assert_refused(command("train", *tiny, gate), "train", here, said)
    trace = run_of("depth") / "trace/test"
    assert_refused(command("sweep", f"trace={trace}", gate), "sweep", here, "the trace has none")


def test_a_training_starts_from_the_weights_of_a_file_with_gates_but_does_not_resume_it(
    command: Command, here: Path, tiny: list[str], tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    best = run_of("depth") / "checkpoints/best.ckpt"
    file, gated = checkpoint_file.read(best), tmp_path / "gated.ckpt"
    network = file.network()
    network.attach_gates(4)
    checkpoint_file.save_gated(gated, file, network)
    done = command("train", "scheme=depth", *tiny, f"checkpoint={gated}")
    assert_refused(done, "train", here, str(gated), "gates.0.hidden.weight is", "absent in the network")
    command("train", "scheme=depth", *tiny, f"pretrained={gated}", "output=on").check()
    assert checkpoint_file.read(here / "on/checkpoints/best.ckpt").gate_width is None
