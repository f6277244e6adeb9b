"""How others name the weights of networks that dyninf has, and what dyninf calls them.

A further naming is a further class, listed in `NAMINGS`.
"""

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Collection

PREFIXES = ("module.", "model.", "backbone.", "net.", "network.backbone.")


class Naming(ABC):
    """Names of a family of files.

    title: printed. example: typical names, for errors.
    """

    title: str
    example: str

    @abstractmethod
    def own_name(self, name: str) -> str:
        """What the backbone calls the weight `name`; the same for a name that is not of the naming."""


class KnownNaming(Naming):
    """One whose files show by their names alone that they are of it."""

    @abstractmethod
    def recognises(self, names: Collection[str]) -> bool:
        """Whether a file with these names is of this naming."""


class DyninfRun(KnownNaming):
    """best.ckpt and last.ckpt of `dyninf.train`: the names of the backbone below the module's."""

    title = "checkpoint of dyninf.train"
    example = "network.backbone.…"
    prefix = "network.backbone."

    def recognises(self, names: Collection[str]) -> bool:
        return any(name.startswith(self.prefix) for name in names)

    def own_name(self, name: str) -> str:
        return name.removeprefix(self.prefix)


class TSM(KnownNaming):
    """mit-han-lab/temporal-shift-module (ops/models.py, ops/temporal_shift.py), and TSN from there.

    A first convolution behind a shift is ``conv1.net``; the classifier is ``new_fc`` where there was a
    dropout, else ``base_model.fc``. Its mean of logits over segments is the logits of mean features.
    """

    title = "TSM"
    example = "base_model.layer1.0.conv1.net.weight … new_fc.weight"

    def recognises(self, names: Collection[str]) -> bool:
        return any(_bare(name).startswith("base_model.") for name in names)

    def own_name(self, name: str) -> str:
        name = re.sub(r"^new_fc\.", "fc.", _bare(name).removeprefix("base_model."))
        return re.sub(r"^(layer\d+\.\d+\.conv1)\.net\.", r"\1.", name)


class MSDNetRelease(KnownNaming):
    """kalviny/MSDNet-PyTorch (models/msdnet.py), whose names are dyninf's own."""

    title = "MSDNet-PyTorch"
    example = "blocks.0.0.layers.0.0.weight … classifier.0.linear.weight"

    def recognises(self, names: Collection[str]) -> bool:
        return "blocks.0.0.layers.0.0.weight" in map(_bare, names)

    def own_name(self, name: str) -> str:
        return _bare(name)


class TorchvisionResNet(KnownNaming):
    """torchvision.models.resnet, whose names are dyninf's own; dyninf's has further heads."""

    title = "torchvision ResNet"
    example = "conv1.weight … layer4.1.conv2.weight … fc.weight"

    def recognises(self, names: Collection[str]) -> bool:
        there = {_bare(name) for name in names}
        return {"conv1.weight", "layer4.0.conv1.weight"} <= there and not any(
            name.startswith("heads.") for name in there
        )

    def own_name(self, name: str) -> str:
        return _bare(name)


class SameNames(Naming):
    """The names of the backbone itself but for a prefix: `without` in the file, `plus` in the backbone."""

    title = "names of the backbone"
    example = "the network's own names, after any of " + " ".join(PREFIXES)

    def __init__(self, without: str, plus: str) -> None:
        self.without = without
        self.plus = plus

    def own_name(self, name: str) -> str:
        return self.plus + name.removeprefix(self.without) if name.startswith(self.without) else name


NAMINGS: tuple[KnownNaming, ...] = (DyninfRun(), TSM(), MSDNetRelease(), TorchvisionResNet())


def naming_of(names: Collection[str], wanted: Collection[str]) -> Naming:
    """The naming with which a file with these names shares most of the backbone's names `wanted`.

    It is one that recognises the file, unless a prefix shares more: torchvision's ResNet can be wanted by
    dyninf's own or by a backbone that wraps torchvision's.
    """
    recognised = [naming for naming in NAMINGS if naming.recognises(names)]
    return max([*recognised, *_prefixes()], key=lambda naming: _shared(naming, names, wanted))


def known_namings() -> str:
    """Titles with examples, for errors."""
    return "; ".join(f"{naming.title} ({naming.example})" for naming in (*NAMINGS, SameNames("", "")))


def _prefixes() -> list[SameNames]:
    """Shortest first, up to two of the common prefixes in the file and one in the backbone."""
    stripped = ["", *PREFIXES, *map("".join, itertools.permutations(PREFIXES, 2))]
    return [SameNames(without, plus) for plus in ("", *PREFIXES) for without in stripped]


def _shared(naming: Naming, names: Collection[str], wanted: Collection[str]) -> int:
    return len({naming.own_name(name) for name in names} & set(wanted))


def _bare(name: str) -> str:
    """Without what DataParallel puts before every name."""
    return name.removeprefix("module.")
