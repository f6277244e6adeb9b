"""``python -m dyninf.export``: a folder that leaves early in a Python that has no torch.

Legend: B clips, T frames, C, H, W, V videos, K checkpoints, N classes.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished
from tests.files import held_in
from tests.networks import gap_middles, labelled, random_clips

import dyninf
from dyninf import checkpoint_file, infer
from dyninf.policies import MaxProbability
from dyninf.trace import FittedPolicy, Trace

Command = Callable[..., Finished]
SIZE = 64  # of the tiny data set's crops
# Of onnxruntime (and what it needs) and of numpy, in site-packages.
NEEDED = ("numpy", "numpy.libs", "onnxruntime", "flatbuffers", "google", "packaging")
USE = """
import importlib.util, sys
sys.path.append(sys.argv[1])
missing = ["torch", "torchvision", "pytorch_lightning", "hydra", "omegaconf", "onnx", "onnxscript", "scipy"]
assert not any(importlib.util.find_spec(name) for name in missing)
import numpy
from dyninf.runtime import exported
result = exported.load(sys.argv[2], threads=1).infer(numpy.load("clips.npy"))
numpy.savez("result.npz", **vars(result))
"""


@pytest.fixture
def without_torch(tmp_path: Path) -> Path:
    """A folder from which numpy, onnxruntime and dyninf can be imported, and nothing else."""
    folder = tmp_path / "without_torch"
    folder.mkdir()
    site = Path(onnxruntime.__file__).parents[1]
    for source in (*(site / name for name in NEEDED), Path(dyninf.__file__).parent):
        if source.exists():  # numpy's libraries lie elsewhere on some platforms
            (folder / source.name).symlink_to(source)
    return folder


def policy_for(checkpoint: Path, video_BTCHW: torch.Tensor) -> FittedPolicy:
    """About half of the clips leave at the second checkpoint, the others at the last."""
    network = checkpoint_file.read(checkpoint).network()
    trace = Trace.record(network, [labelled(video_BTCHW)], split="random/test")
    scores_VK = trace.scores(MaxProbability())
    middles = gap_middles(scores_VK[:, 1], gap=1e-5)
    never = [2.0] * (scores_VK.shape[1] - 2)
    return FittedPolicy.of(MaxProbability([2.0, middles[len(middles) // 2], *never]), trace)


def test_an_exported_run_gives_the_same_answers_without_torch(
    command: Command, here: Path, run_of: Callable[[str], Path], without_torch: Path
) -> None:
    checkpoint = run_of("input") / "checkpoints/best.ckpt"
    video_BTCHW = random_clips(6, 4, size=SIZE)
    file = policy_for(checkpoint, video_BTCHW)
    file.save(here / "mine.json")
    done = command("export", f"checkpoint={checkpoint}", "policy_file=mine.json", "output=out").check()
    assert "clips leave at 2f-res5, 4f-res5; written to" in done.out
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "manifest.json",
        "policy.json",
        "segment-1.onnx",
        "segment-2.onnx",
    ]
    assert held_in(here / "out/policy.json") == held_in(here / "mine.json")

    np.save(here / "clips.npy", video_BTCHW.numpy())
    # Isolated and without site-packages: what can be imported is Python's own, and that folder.
    arguments = (str(without_torch), str(here / "out"))
    use = subprocess.run(
        [sys.executable, "-I", "-S", "-c", USE, *arguments], cwd=here, capture_output=True, text=True
    )
    assert (use.returncode, use.stderr) == (0, "")
    found = np.load(here / "result.npz")

    loaded = checkpoint_file.read(checkpoint)
    expected = infer(loaded.network(), video_BTCHW, file.policy)
    assert found["checkpoint_B"].tolist() == expected.checkpoint_B.tolist()
    assert set(found["checkpoint_B"].tolist()) == {1, 3}
    assert found["label_B"].tolist() == expected.label_B.tolist()
    assert found["names"].tolist() == [loaded.classes[label] for label in expected.label_B]
    assert found["macs_B"].tolist() == expected.macs_B.tolist()
    np.testing.assert_allclose(found["logits_BN"], expected.logits_BN, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found["probability_B"], expected.probability_B, atol=1e-3)


def test_the_policy_that_the_run_left_is_exported_unless_one_is_given(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("depth")
    for name in ("manifest.json", "segment-9.onnx"):  # of an earlier export, which is replaced
        (here / "out").mkdir(exist_ok=True)
        (here / "out" / name).write_text("{}")
    command("export", f"checkpoint={run}/checkpoints/best.ckpt", "output=out").check()
    assert not (here / "out/segment-9.onnx").exists()
    assert held_in(here / "out/policy.json") == held_in(run / "policy.json")
    manifest = held_in(here / "out/manifest.json")
    assert manifest["fingerprint"] == held_in(run / "policy.json")["fingerprint"]
    assert manifest["preprocessing"] == {
        "sampling": "segment",
        "stride": 8,
        "resize": 72,
        "height": SIZE,
        "width": SIZE,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }


def test_an_export_that_cannot_be_is_refused_with_one_line(
    command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("joint")
    checkpoint = f"checkpoint={run}/checkpoints/best.ckpt"
    alone = tmp_path / "alone/checkpoints/best.ckpt"
    alone.parent.mkdir(parents=True)
    alone.symlink_to(run / "checkpoints/best.ckpt")
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("dear")
    for overrides, said in (
        ((), "checkpoint is needed"),
        ((f"checkpoint={alone}",), "has no policy.json; give one"),
        ((checkpoint, "policy_file=no.json"), "no policy file at no.json"),
        ((checkpoint, f"policy_file={run_of('depth')}/policy.json"), "the policy file is for 3 checkpoints"),
        ((checkpoint, f"output={full}"), "holds something else than an exported network"),
        ((checkpoint, "threshold=0.5"), "no setting 'threshold'"),
    ):
        assert_refused(command("export", *overrides), "export", here, said)
    assert (full / "notes.txt").read_text() == "dear"
