"""A config out of a file makes networks and data sets of the package, and runs nothing else."""

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from tests.networks import require_extra

from dyninf import checkpoint_file
from dyninf.allowed_targets import check_plain, check_targets
from dyninf.configuration import CONF, choices, load_group

GOOD: dict[str, Any] = {
    "backbone": {"_target_": "dyninf.backbones.ResNet", "name": "resnet_small"},
    "scheme": {"_target_": "dyninf.grid.Scheme", "name": "joint"},
    "dataset": {"_target_": "dyninf.data.Synthetic", "num_frames": 4},
}
RUN = {"_target_": "os.mkdir", "_args_": ["made by a file"]}


def with_part(group: str, **changes: Any) -> dict[str, Any]:
    return {**GOOD, group: {**GOOD[group], **changes}}


def test_everything_that_there_is_may_be_made() -> None:
    for backbone in choices("backbone"):
        part = OmegaConf.load(CONF / "backbone" / f"{backbone}.yaml")
        check_targets({**GOOD, "backbone": part}, "the file")
    for dataset in choices("dataset"):
        part = OmegaConf.load(CONF / "dataset" / f"{dataset}.yaml")
        check_targets({**GOOD, "dataset": part}, "the file")
    for scheme in choices("scheme"):
        part = OmegaConf.load(CONF / "scheme" / f"{scheme}.yaml").scheme
        check_targets({**GOOD, "scheme": part}, "the file")


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "dyninf.atomic.os.system",
        "dyninf.backbones.cut.torch.load",
        "dyninf.backbones.pretrained_file.torch.load",
        "dyninf.backbones.classifiers.importlib.import_module",
        "dyninf.backbones.read_weights",
        "dyninf.train.main",
        "dyninf.data.Synthetic",
        "dyninf.backbones",
        "dyninf.backbones.",
        "dyninf.backbones.no_such_thing",
        "",
        None,
        7,
        ["os.system"],
    ],
)
def test_another_target_is_refused(target: Any) -> None:
    words = "as its backbone, which is no Backbone of dyninf: .* only classes in dyninf.backbones"
    with pytest.raises(ValueError, match=words):
        check_targets(with_part("backbone", _target_=target), "the file")


@pytest.mark.parametrize("group", ["backbone", "scheme", "dataset"])
@pytest.mark.parametrize("place", ["deep", "list", "args", "partial"])
def test_nothing_below_is_made_by_a_name(group: str, place: str) -> None:
    changes: dict[str, Any] = {
        "deep": {"name": {"more": RUN}},
        "list": {"name": [1, [RUN]]},
        "args": {"_args_": [1]},
        "partial": {"_partial_": True},
    }[place]
    with pytest.raises(ValueError, match=f"the file names .* at {group}.*, where nothing is made by a name"):
        check_targets(with_part(group, **changes), "the file")


@pytest.mark.parametrize("config", [{}, {"backbone": None}, {"backbone": "os.system"}])
def test_a_part_that_is_missing_is_named(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the file has no backbone"):
        check_targets(config, "the file")


def test_a_saved_config_looks_nothing_up() -> None:
    check_plain({"a": ["no", {"b": "50% of $5"}]}, "the file")
    with pytest.raises(ValueError, match=r"at a\[1\][.]b; saved configs have plain values"):
        check_plain({"a": ["no", {"b": "x${oc.env:HOME}"}]}, "the file")


@pytest.mark.parametrize(
    "config",
    [
        with_part("dataset", root=RUN),
        with_part("backbone", _target_="os.mkdir", _args_=["made by a file"]),
        with_part("dataset", root="${oc.env:HOME}"),
    ],
)
def test_a_checkpoint_that_would_run_something_is_refused(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved = {"config": config, "classes": ["a", "b"]}
    torch.save({"state_dict": {}, checkpoint_file.SAVED_KEY: saved}, "evil.ckpt")
    with pytest.raises(ValueError, match=r"evil[.]ckpt (names|asks for)"):
        checkpoint_file.read("evil.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.ckpt"]


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": 3, "saved": {"config": GOOD, "classes": ["a"]}},
        {"state_dict": {"network.x": "no tensor"}, "saved": {"config": GOOD, "classes": ["a"]}},
        {"state_dict": {}, "saved": 3},
        {"state_dict": {}, "saved": {"config": 3, "classes": ["a"]}},
        {"state_dict": {}, "saved": {"config": GOOD}},
        {"state_dict": {}, "saved": {"config": GOOD, "classes": 3}},
        {"state_dict": {}, "saved": {"config": GOOD, "classes": ["a"], "gate_width": "wide"}},
    ],
)
def test_a_checkpoint_of_other_content_is_damaged(content: dict[str, Any], tmp_path: Path) -> None:
    saved = {"state_dict": content["state_dict"], checkpoint_file.SAVED_KEY: content["saved"]}
    torch.save(saved, tmp_path / "odd.ckpt")
    with pytest.raises(ValueError, match=r"odd[.]ckpt (is damaged|has no)"):
        checkpoint_file.read(tmp_path / "odd.ckpt")


@pytest.mark.parametrize(
    "backbone", ["resnet_small", "msdnet_small", "regnet_y_400mf", "timm_mobilenetv3_small"]
)
def test_a_network_comes_back_from_its_checkpoint(backbone: str, tmp_path: Path) -> None:
    require_extra(backbone)
    config = OmegaConf.create(
        {
            "backbone": load_group("backbone", backbone),
            "scheme": load_group("scheme", "input").scheme,
            "dataset": {"_target_": "dyninf.data.Synthetic", "num_frames": 4},
        }
    )
    network = checkpoint_file.make_network(config, 3)
    state = {f"{checkpoint_file.PREFIX}{name}": tensor for name, tensor in network.state_dict().items()}
    facts = checkpoint_file.saved_facts(config, ("a", "b", "c"))
    torch.save({"state_dict": state, checkpoint_file.SAVED_KEY: facts}, tmp_path / "best.ckpt")
    found = checkpoint_file.read(tmp_path / "best.ckpt").network()
    assert not found.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


def test_a_config_takes_no_memory_that_its_weights_do_not_have(tmp_path: Path) -> None:
    backbone = {**load_group("backbone", "resnet_small"), "width": 10**6}
    config = {**GOOD, "backbone": backbone, "scheme": dict(load_group("scheme", "input").scheme)}
    facts = {"config": OmegaConf.to_container(OmegaConf.create(config)), "classes": ["a", "b"]}
    torch.save({"state_dict": {}, checkpoint_file.SAVED_KEY: facts}, tmp_path / "wide.ckpt")
    with pytest.raises(ValueError, match=r"wide[.]ckpt is of another architecture"):
        checkpoint_file.read(tmp_path / "wide.ckpt").network()
