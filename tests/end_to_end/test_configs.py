"""Every file in ``conf/`` composes, and what it describes can be built."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from tests.networks import require_extra, require_package
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from dyninf.checkpoint_file import make_network
from dyninf.configuration import CONF, choices, make
from dyninf.data import VideoDataModule
from dyninf.policies import Policy
from dyninf.trace import Promise

GROUPS = (
    "backbone scheme dataset policy optimizer scheduler distillation mixing trainer logger callbacks recipe"
).split()


def composed(command: str, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(command, [*overrides, "paths.output_dir=out", "paths.data_dir=data"])


def test_every_group_that_has_files_is_tested_here() -> None:
    folders = {path.parent.name for path in CONF.glob("*/*.yaml")}
    assert folders == {*GROUPS, "engine", "experiment", "paths", "hydra_settings"}


@pytest.mark.parametrize("engine", choices("engine"))
def test_every_engine_of_predict_takes_the_settings_of_its_file(engine: str) -> None:
    require_package("ray")
    overrides = ["checkpoint=PATH", "source=videos", "~dataset", f"engine={engine}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("predict", overrides)
    assert callable(make(config.engine).ready)


@pytest.mark.parametrize("experiment", choices("experiment"))
def test_every_experiment_composes_and_its_network_and_data_set_can_be_built(
    experiment: str, published_root: Callable[[str], Path]
) -> None:
    config = composed("train", f"experiment={experiment}")
    if OmegaConf.is_missing(config.dataset, "root"):
        config.dataset.root = str(published_root(get_class(config.dataset._target_).name))
    assert not OmegaConf.missing_keys(config)
    datamodule = make(config.dataset)
    assert datamodule.num_classes >= 2
    with torch.device("meta"):
        network = make_network(config, datamodule.num_classes)
    module = make(config.module, network=network)
    assert module.network.checkpoints
    module.configure_optimizers()


@pytest.mark.parametrize("experiment", choices("experiment"))
def test_every_experiment_says_its_command_and_what_to_expect(experiment: str) -> None:
    header = (CONF / "experiment" / f"{experiment}.yaml").read_text().split("defaults:")[0]
    assert "# python" in header


@pytest.mark.parametrize(
    ("group", "choice"), [(group, choice) for group in GROUPS for choice in choices(group)], ids=str
)
def test_every_choice_of_every_group_composes_and_resolves(group: str, choice: str) -> None:
    config = composed("train", f"{group}={choice}", "dataset.root=videos")
    OmegaConf.resolve(config)
    assert not OmegaConf.missing_keys(config)


@pytest.mark.parametrize("dataset", choices("dataset"))
def test_every_data_set_takes_the_settings_of_its_file(dataset: str) -> None:
    datamodule = make(composed("train", f"dataset={dataset}", "dataset.root=videos").dataset)
    assert isinstance(datamodule, VideoDataModule)
    assert datamodule.name == dataset


@pytest.mark.parametrize(
    ("backbone", "scheme"),
    [*itertools.product(["resnet_small"], choices("scheme")), *((b, "joint") for b in choices("backbone"))],
)
def test_every_backbone_and_every_scheme_makes_a_network(backbone: str, scheme: str) -> None:
    require_extra(backbone)
    with torch.device("meta"):
        network = make_network(composed("train", f"backbone={backbone}", f"scheme={scheme}"), 5)
    name = {"torchvision": "torchvision_resnet18", "timm": "timm_resnet18"}.get(backbone, backbone)
    assert network.name == f"{name}-{scheme}-8f"


@pytest.mark.parametrize("command", ["train", "evaluate", "sweep", "predict", "serve"])
def test_every_policy_has_a_place_in_every_command(command: str) -> None:
    dataset = ["dataset=synthetic"] if command in ("evaluate", "predict", "serve") else []
    for policy in choices("policy"):
        made = make(composed(command, f"policy={policy}", *dataset).policy)
        assert isinstance(made, Policy)


def test_the_wandb_sweep_runs_trainings_that_compose() -> None:
    sweep = OmegaConf.to_container(OmegaConf.load(CONF / "wandb_sweep.yaml"))
    names, values = zip(
        *((name, value["values"]) for name, value in sweep["parameters"].items()), strict=True
    )
    commands = set()
    for places in itertools.product(*(range(len(several)) for several in values)):
        chosen = [several[place] for several, place in zip(values, places, strict=True)]
        arguments = create_sweep_command_args(
            {"args": {name: {"value": value} for name, value in zip(names, chosen, strict=True)}}
        )
        macros = {"${env}": ["env"], "${program}": [sweep["program"]]}
        macros |= {f"${{{name}}}": words for name, words in arguments.items() if name != "args_dict"}
        command = [word for part in sweep["command"] for word in macros.get(part, [part])]
        assert command[:4] == ["env", "python", "-m", "dyninf.train"]
        commands.add(" ".join(command))
        i, j, k, m = places
        if (i + j + k) % 3 or (i + 2 * j + m) % 3:
            continue  # of three values of each, every pair is among the nine that are left
        config = composed("train", *command[4:])
        assert not OmegaConf.missing_keys(config)
        assert config.logger["_target_"] == "dyninf.report.SteadyWandbLogger"
        assert (config.scheme.name, config.budget, config.seed) == (chosen[0], chosen[2], chosen[3])
        Promise(config.max_drop, config.budget, config.solver)
    assert len(commands) == 81
    assert sweep["metric"]["name"] == "calibration/dynamic/top1"
