"""Other people's 2-D classifiers, cut into stages at layers that a config names.

Legend: M = clips · frames, C channels, H, W, F features of a head, N classes.
"""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import cast

from torch import Tensor, nn

from dyninf.backbones.cut_graph import IMAGES, TracedClassifier, Value
from dyninf.backbones.heads import ProjectedHead
from dyninf.grid import Backbone, Exchange, Features

SHOWN = 40  # layers that an error lists


class CutNetwork(Backbone):
    """Any classifier that ends in a linear layer, as a backbone whose parameters are those of `net`.

    The last stage hands on the last map of features before the pooling; from there to the input of the last
    linear layer is the embedding of its head, and that linear layer the head's classifier: as it is if it
    has the wanted number of classes, else a new one in its place. Heads of earlier stages read the map of
    the layer behind which the stage ends.

    net: maps images (M, 3, H, W) to logits; torch.fx has to be able to follow its forward.
    cuts: names of layers of `net`, in order; a stage ends behind each, and one more at the end.
    shift_at: names of convolutions of `net`, or patterns such as ``layer*.conv1``; the temporal shift comes
        before each, and what else reads the same features, as an identity path does, gets them unshifted.
    head_stages: the stages that can have a head; all but the first when null.
    head_width: width F of the projection in the heads of earlier stages; that of the last head when null.
    dropout: before every classifier; when null, as `net` has it before its last linear layer.

    Raises ValueError for names that `net` does not have, for cuts out of order or where more than features
    of images would have to be handed on, and for a `net` that cannot be cut.
    """

    read_map = 0  # what the stage ends with comes first

    def __init__(
        self,
        name: str,
        net: nn.Module,
        cuts: Sequence[str],
        shift_at: Sequence[str],
        head_stages: Sequence[int] | None = None,
        head_width: int | None = None,
        dropout: float | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.net = net
        self.stage_names = tuple(f"stage{d}" for d in range(1, len(cuts) + 2))
        traced = TracedClassifier(name, net)
        ends = _find_cuts(traced, cuts)
        self._classifier, vector, own_dropout = _find_classifier(traced, net)
        ends.append(_find_last_map(traced, ends[-1] if ends else 0, vector))
        shifted = _find_convolutions(traced, net, shift_at, ends[-1])
        self.variant = f"graph={traced.digest}, cuts={list(cuts)}, shift_at={shifted}"

        self._stages = []
        inputs = traced.values[:1]
        for end in ends:
            outputs = traced.crossing(end)
            self._stages.append(traced.part(inputs, end, outputs, shifted))
            inputs = outputs
        self._embed = traced.part(inputs, traced.position(vector), [vector])

        maps = [traced.values[end] for end in ends]
        self.channels = [traced.shape(value)[1] if traced.is_map(value) else None for value in maps]
        self.head_stages = self._check_head_stages(head_stages)
        if head_width is not None and head_width < 1:
            raise ValueError(f"{name}: head_width={head_width} has to be at least 1, or null")
        self.head_width = self._last_linear().in_features if head_width is None else head_width
        self.dropout = nn.Dropout(own_dropout if dropout is None else dropout)

    def _check_head_stages(self, head_stages: Sequence[int] | None) -> tuple[int, ...]:
        stages = len(self.stage_names)
        chosen = tuple(range(min(2, stages), stages + 1)) if head_stages is None else tuple(head_stages)
        if not chosen or not set(chosen) <= set(range(1, stages + 1)):
            raise ValueError(f"{self.name}: head_stages={list(chosen)}; it has stages 1 to {stages}")
        for stage in chosen:
            if self.channels[stage - 1] is None:
                raise ValueError(
                    f"{self.name}: a head at stage {stage} needs a map (M, C, H, W), which the layer at its "
                    "end does not give; cut elsewhere, or leave the stage out of head_stages"
                )
        return chosen

    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        if hasattr(self, "heads"):
            raise ValueError(f"this {self.name} has heads already; a network needs a backbone of its own")
        last = len(self.stage_names)
        self.heads = nn.ModuleDict(
            {
                self.stage_names[stage - 1]: ProjectedHead(
                    cast(int, self.channels[stage - 1]), self.head_width, num_classes
                )
                for stage in stages
                if stage != last
            }
        )
        linear = self._last_linear()
        if last not in stages:
            self.net.set_submodule(self._classifier, nn.Identity())
        elif linear.out_features != num_classes:
            fresh = nn.Linear(linear.in_features, num_classes, linear.bias is not None)
            self.net.set_submodule(self._classifier, fresh)

    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        inputs = (features_M,) if isinstance(features_M, Tensor) else features_M
        return cast(Features, self._stages[stage - 1](self.net, *inputs, exchange))

    def embed(self, stage: int, features_M: Features) -> Tensor:
        map_MCHW = features_M if isinstance(features_M, Tensor) else features_M[self.read_map]
        if stage == len(self.stage_names):
            return cast(Tensor, self._embed(self.net, map_MCHW))
        return self._head(stage).embed(map_MCHW.mean((2, 3)))

    def classifier_of(self, stage: int) -> nn.Linear:
        return self._last_linear() if stage == len(self.stage_names) else self._head(stage).classifier

    def _last_linear(self) -> nn.Linear:
        return cast(nn.Linear, self.net.get_submodule(self._classifier))

    def _head(self, stage: int) -> ProjectedHead:
        return cast(ProjectedHead, self.heads[self.stage_names[stage - 1]])


def _find_cuts(traced: TracedClassifier, cuts: Sequence[str]) -> list[int]:
    """Position of the value behind which each stage but the last ends."""
    ends: list[int] = []
    for i, cut in enumerate(cuts):
        if cut not in traced.layers:
            what = f"layer {cut!r} to cut behind (it has to run, and once)"
            raise ValueError(f"{traced.name}: no {what}{_alternatives(cut, list(traced.layers), SHOWN)}")
        end = traced.position(traced.layers[cut])
        if ends and end <= ends[-1]:
            raise ValueError(
                f"{traced.name}: cuts out of order, {cut} does not come behind {cuts[i - 1]}; "
                f"got {', '.join(cuts)}"
            )
        crossing = traced.crossing(end)
        if traced.values[end] not in crossing:
            raise ValueError(f"{traced.name}: nothing reads what {cut} gives, so it cannot end a stage")
        for value in crossing:
            if traced.shape(value)[:1] != IMAGES[:1]:
                raise ValueError(
                    f"{traced.name}: a cut behind {cut} goes through {value}, which is no features of the "
                    "images; cut elsewhere"
                )
        ends.append(end)
    return ends


def _find_classifier(traced: TracedClassifier, net: nn.Module) -> tuple[str, Value, float]:
    """The last linear layer, the value that it reads (before any dropout), and the share dropped there."""
    last = traced.result
    if not _calls(last, net, nn.Linear):
        raise ValueError(f"{traced.name}: it has to end in a linear layer, but ends in {_describe(last)}")
    linear, dropout = cast(Value, last), 0.0
    value = cast(Value, linear.args[0])
    while _calls(value, net, (nn.Dropout, nn.Identity)):
        dropout = getattr(net.get_submodule(str(value.target)), "p", dropout)
        value = cast(Value, value.args[0])
    if len(traced.shape(value)) != 2:
        raise ValueError(
            f"{traced.name}: its last linear layer {linear.target} has to read one vector (M, F) an image, "
            f"but reads {traced.shape(value)} for {IMAGES[0]} images"
        )
    return str(linear.target), value, dropout


def _find_last_map(traced: TracedClassifier, behind: int, vector: Value) -> int:
    """Position of the last map of more than one pixel that alone leads on to the head's vector."""
    for position in range(traced.position(vector), behind, -1):
        value = traced.values[position]
        alone = traced.crossing(position) == [value]
        if alone and traced.is_map(value) and max(traced.shape(value)[2:]) > 1:
            return position
    raise ValueError(
        f"{traced.name}: behind the last cut, no layer gives a map (M, C, H, W) from which all that follows "
        "is computed; cut earlier"
    )


def _find_convolutions(
    traced: TracedClassifier, net: nn.Module, shift_at: Iterable[str], last: int
) -> list[str]:
    """Names of the convolutions that `shift_at` means, in the order in which they run."""
    stages = [str(v.target) for v in traced.values[: last + 1] if _calls(v, net, nn.Conv2d)]
    chosen = set()
    for pattern in shift_at:
        matching = {conv for conv in stages if fnmatchcase(conv, pattern)}
        if not matching:
            what = f"convolution {pattern!r} in its stages to shift at"
            raise ValueError(f"{traced.name}: no {what}{_alternatives(pattern, stages, len(stages))}")
        chosen |= matching
    return [conv for conv in stages if conv in chosen]


def _calls(value: object, net: nn.Module, kinds: type | tuple[type, ...]) -> bool:
    is_layer = isinstance(value, Value) and value.op == "call_module"
    return is_layer and isinstance(net.get_submodule(str(cast(Value, value).target)), kinds)


def _describe(value: object) -> str:
    return f"{value.target}" if isinstance(value, Value) and value.op == "call_module" else f"{value}"


def _alternatives(wrong: str, known: Sequence[str], most: int) -> str:
    """What an error says about the names that there are: those like the wrong one, and the shallowest."""
    shown, level = list(known), max((name.count(".") for name in known), default=0)
    while len(shown) > most and level > 0:
        level -= 1
        shown = [name for name in known if name.count(".") <= level]
    like = difflib.get_close_matches(wrong, known, n=3, cutoff=0.7)
    guess = f", did you mean {' or '.join(like)}?" if like else ";"
    more = f" and {len(known) - len(shown)} inside of these" if len(shown) < len(known) else ""
    return f"{guess} there are {', '.join(shown) or 'none'}{more}"
