"""Start a network from weights that were trained elsewhere.

What a file calls its weights is the concern of `pretrained_namings`; here they are compared with the
network's, and loaded if nothing speaks against it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from torch import Tensor

from dyninf.backbones.pretrained_file import Weights, read_weights
from dyninf.backbones.pretrained_namings import SameNames, known_namings, naming_of
from dyninf.backbones.pretrained_parts import UNUSED, Part, classifiers_of, parts_of
from dyninf.backbones.pretrained_report import Amount, Loaded
from dyninf.grid import Network

COUNTER = "num_batches_tracked"  # of a batch norm; files from before PyTorch 0.4.1 have none
SHOWN = 3  # names in an error


def load_pretrained(network: Network, path: str | Path, classes: Sequence[str] | None = None) -> Loaded:
    """Give `network` the weights of a file; see `read_weights` and `fit_weights` for files and errors."""
    return fit_weights(network, read_weights(path), classes)


def fit_weights(network: Network, weights: Weights, classes: Sequence[str] | None = None) -> Loaded:
    """Load all stages, and the heads that are in the file, whatever its naming.

    Stays new: a head that the file does not have, and a last linear layer of another shape, as for
    another number of classes. So does every last linear layer if the file names its classes and they are
    not `classes`, the names of the network's, in their order. Heads of the file that the network does not
    have are left.

    Raises ValueError, and changes nothing, if the file lacks a weight of a stage, has more of them, or
    has one of another shape, or if nothing of it fits.
    """
    own = network.backbone.state_dict()
    parts = parts_of(network)
    stages = {name for name, part in parts.items() if not part.head and not _counts(name)}
    naming = naming_of(weights.tensors, stages)
    names = _own_names(weights, naming.own_name)
    shared = len(stages & names.keys())
    if not shared or (isinstance(naming, SameNames) and 2 * shared < len(stages)):
        fits = f"only {shared} of the {len(stages)} tensors of its stages are" if shared else "nothing is"
        raise ValueError(
            f"{weights.path} does not fit {network.backbone.name}: {fits} in it by a known name; "
            f"it has {_some(weights.tensors)}. Namings that are known: {known_namings()}"
        )
    origin = f"{weights.path} ({naming.title})"
    within = {_container(name) for name in stages if parts[name] != UNUSED}
    _check_stages(network, origin, stages, within, names)

    classifiers = classifiers_of(network)
    found = {name: weights.tensors[names[name]] for name in parts if name in names}
    unlike = [name for name, value in found.items() if not _alike(value, own[name])]
    wrong = [name for name in unlike if name not in classifiers or _kind(found[name]) != _kind(own[name])]
    if wrong:
        shapes = f"{_shape(found[wrong[0]])} in the file, {_shape(own[wrong[0]])} in {network.backbone.name}"
        more = f", and {len(wrong) - 1} more do not fit" if len(wrong) > 1 else ""
        raise ValueError(f"{origin}: {names[wrong[0]]} is {shapes}{more}")
    fresh = {name: "not in the file" for name in parts if name not in found and not _counts(name)}
    for name in unlike:
        # A layer is taken whole: its bias can fit where its weight does not.
        layer = [twin for twin in classifiers if _owner(twin) == _owner(name)]
        fresh |= dict.fromkeys(layer, _why_new(found[name], own[name]))
    if classes is not None and weights.classes not in (None, tuple(classes)):
        fresh |= {name: "other classes" for name in classifiers if name in found and name not in fresh}
    taken = {name: value.to(own[name].dtype) for name, value in found.items() if name not in fresh}
    trained = {name for name, _ in network.backbone.named_parameters()}
    report = Loaded(
        network.name,
        weights.path,
        naming.title,
        _amounts(taken, parts, trained),
        _reasons(fresh, parts),
        Counter(_group(name, theirs) for name, theirs in names.items() if name not in parts),
    )
    network.backbone.load_state_dict(taken, strict=False)
    return report


def _own_names(weights: Weights, own_name: Callable[[str], str]) -> dict[str, str]:
    """The backbone's name of every tensor of the file, with the file's name of it."""
    names: dict[str, str] = {}
    for name in weights.tensors:
        twin = names.setdefault(own_name(name), name)
        if twin != name:
            raise ValueError(f"{weights.path}: {twin} and {name} are both {own_name(name)} here; keep one")
    return names


def _check_stages(
    network: Network, origin: str, stages: Collection[str], within: Collection[str], names: Mapping[str, str]
) -> None:
    """Raise ValueError if the file lacks weights of the stages, or has more `within` their modules."""
    backbone = network.backbone.name
    missing = [name for name in network.backbone.state_dict() if name in stages and name not in names]
    if missing:
        raise ValueError(
            f"{origin} lacks {len(missing)} of the {len(stages)} tensors of the stages of {backbone}: "
            f"{_some(missing)}; it is of another depth or kind of network"
        )
    own = network.backbone.state_dict()
    more = [name for name in names if name not in own and _container(name) in within and not _counts(name)]
    if more:
        raise ValueError(
            f"{origin} has {len(more)} tensors more in its stages than {backbone}: "
            f"{_some(names[name] for name in more)}; it is of a deeper or another network"
        )


def _why_new(theirs: Tensor, mine: Tensor) -> str:
    """Why the last linear layer with this weight or bias is new."""
    if theirs.shape[1:] == mine.shape[1:]:
        return f"other number of classes: {len(theirs)} in the file, {len(mine)} here"
    return f"other features: {_shape(theirs)} in the file, {_shape(mine)} here"


def _amounts(
    taken: Mapping[str, Tensor], parts: Mapping[str, Part], trained: Collection[str]
) -> dict[Part, Amount]:
    amounts: dict[Part, Amount] = {}
    for part in dict.fromkeys(parts[name] for name in taken):
        inside = [name for name in taken if parts[name] == part and not _counts(name)]
        numbers = sum(taken[name].numel() for name in inside if name in trained)
        amounts[part] = Amount(len(inside), numbers)
    return amounts


def _reasons(fresh: Mapping[str, str], parts: Mapping[str, Part]) -> dict[str, str]:
    """The reasons by the innermost module that holds all weights of one head with that reason."""
    groups: dict[tuple[Part, str], list[str]] = {}
    for name, why in fresh.items():
        groups.setdefault((parts[name], why), []).append(name)
    return {_common(map(_owner, names)): why for (_, why), names in groups.items()}


def _common(owners: Iterable[str]) -> str:
    """The innermost module around all of `owners`."""
    levels = zip(*(owner.split(".") for owner in owners), strict=False)
    return ".".join(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and _kind(one) == _kind(other)


def _kind(tensor: Tensor) -> tuple[int, bool]:
    return tensor.ndim, tensor.is_floating_point()


def _shape(tensor: Tensor) -> str:
    kind = "" if tensor.is_floating_point() else f" of {tensor.dtype}"
    return f"{tuple(tensor.shape)}{kind}"


def _some(names: Iterable[str]) -> str:
    """The first few names."""
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (", …" if len(listed) > SHOWN else "")


def _container(name: str) -> str:
    """The child of the network that a weight lies in; of the original inside a backbone that wraps one."""
    return ".".join(name.split(".")[: 2 if name.startswith("net.") else 1])


def _group(name: str, theirs: str) -> str:
    """What the file calls the first two modules around a weight, such as ``heads.res3``."""
    inside = name.split(".")[:-1][2:]
    return ".".join(theirs.split(".")[: -1 - len(inside)]) or theirs


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _counts(name: str) -> bool:
    return name.endswith(COUNTER)
