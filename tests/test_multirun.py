"""What several values on a command line become."""

import sys

import pytest

from dyninf.multirun import FIXED, all_in_one_process, job_folder, name_jobs_by_what_differs


@pytest.mark.parametrize(
    ("overrides", "folder"),
    [
        (["scheme=depth", "output=runs"], "3-depth"),
        (["scheme=depth", "seed=1", "policy.threshold=0.5"], "3-depth-seed_1-threshold_0.5"),
        (["scheme.shift=none", "budget=50%"], "3-shift_none-budget_50%"),
        (["checkpoint=/runs/a b/checkpoints/best.ckpt"], "3-checkpoint_best.ckpt"),
        (["module.loss_weights=[1,2,0.5]", "+extra.one='x, y'"], "3-loss_weights_1_2_0.5-one_x_y"),
        (["output=runs"], "3"),
    ],
)
def test_a_job_is_named_by_its_number_and_by_what_differs(overrides: list[str], folder: str) -> None:
    assert job_folder(3, overrides, ["output"]) == folder


def test_a_name_is_no_longer_than_a_file_system_takes() -> None:
    assert len(job_folder(0, [f"a.b{i}=1" for i in range(100)], [])) <= 120


def test_settings_with_one_value_are_told_to_hydra_in_a_multirun_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = ["train", "-m", "scheme=depth,input", "seed=range(3)", "optimizer.lr=0.1", "hydra/launcher=basic"]
    monkeypatch.setattr(sys, "argv", [*given])
    name_jobs_by_what_differs()
    assert sys.argv == [*given, f"{FIXED}=['optimizer.lr']"]
    monkeypatch.setattr(sys, "argv", ["train", "optimizer.lr=0.1"])
    name_jobs_by_what_differs()
    assert sys.argv == ["train", "optimizer.lr=0.1"]


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("policy=entropy,margin", "policies=[entropy,margin]"),
        ("policy=choice(entropy,margin)", "policies=[entropy,margin]"),
        ("policy=glob(m*)", "policies=[margin,max_probability]"),
        ("policy=glob(*, exclude=[o*,r*,p*,e*,l*])", "policies=[margin,max_probability]"),
        ("policy=entropy", "policy=entropy"),
        ("policy.threshold=0.5", "policy.threshold=0.5"),
        ("policy=glob(", "policy=glob("),  # Hydra says what is wrong with it
    ],
)
def test_several_choices_without_a_multirun_become_a_list(
    given: str, becomes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sweep", given])
    all_in_one_process("policy", "policies")()
    assert sys.argv == ["sweep", becomes]
    monkeypatch.setattr(sys, "argv", ["sweep", "--multirun", given])
    all_in_one_process("policy", "policies")()
    assert sys.argv == ["sweep", "--multirun", given]
