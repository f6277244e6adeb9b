"""Graph surgery: a classifier as a torch.fx graph, and parts of the graph as functions.

Legend: M = clips · frames, C channels, H, W.
"""

import copy
import importlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from dyninf.backbones.cut_norm import FollowedNorm, check_norms
from dyninf.backbones.graph_digest import digest_of

Value = fx.Node
"""What a node of the graph gives, at the time of a run."""

IMAGES = (2, 3, 224, 224)  # what a classifier is tried on, for the shapes of its values


class TracedClassifier:
    """A classifier's values, in the order in which they are made; the images are the first.

    layers: the value that a layer gives, for each layer that runs once; a layer is any submodule.
    result: what the classifier returns.
    digest: names what it computes, whatever its weights are.

    Raises ValueError if torch.fx cannot follow the classifier, if it does something else in training than
    in evaluation outside of a layer that stays whole, if one of its batch norms does more than normalise, or
    if it takes no 3×224×224 images.
    """

    def __init__(self, name: str, net: nn.Module) -> None:
        self.name = name
        tracer = _trace(name, net)
        self.layers: dict[str, Value] = {
            path: values[0].node
            for path, values in tracer.outputs.items()
            if len(values) == 1 and isinstance(values[0], fx.Proxy)
        }
        used = [node for node in tracer.graph.nodes if node.op != "placeholder" or node.users]
        images = [node for node in used if node.op == "placeholder"]
        if len(images) != 1:
            read = ", ".join(map(str, images)) or "nothing"
            raise ValueError(f"{name}: its forward must take images alone, but reads {read}")
        # Parameters that the graph reads itself are read again by every part that needs them.
        self.values: list[Value] = [node for node in used if node.op not in ("get_attr", "output")]
        self.result = tracer.graph.output_node().args[0]
        self._positions = {value: i for i, value in enumerate(self.values)}
        self._positions[tracer.graph.output_node()] = len(self.values)
        check_norms(name, net, tracer.graph)
        self.digest = digest_of(net, tracer.graph)
        _observe(name, net, tracer.graph)

    def position(self, value: Value) -> int:
        return self._positions[value]

    def shape(self, value: Value) -> tuple[int, ...]:
        """Of a value made from two images; () for what is no tensor."""
        shape: tuple[int, ...] = value.meta["shape"]
        return shape

    def is_map(self, value: Value) -> bool:
        """Whether it is a map of features (M, C, H, W)."""
        return len(self.shape(value)) == 4 and self.shape(value)[0] == IMAGES[0]

    def crossing(self, position: int) -> list[Value]:
        """The values up to `position` that are read behind it, the newest first."""
        return [
            value
            for value in reversed(self.values[: position + 1])
            if any(self._positions[user] > position for user in value.users)
        ]

    def part(
        self, inputs: Sequence[Value], last: int, outputs: Sequence[Value], shifted: Collection[str] = ()
    ) -> "GraphPart":
        """What makes `outputs` of `inputs`: all values behind the newest input, up to position `last`.

        shifted: the convolutions whose input goes through the exchange first.
        """
        first = max(map(self.position, inputs)) + 1
        return GraphPart(_cut_out(self.values[first : last + 1], inputs, outputs, shifted))


class GraphPart:
    """Part of a graph as a function ``part(net, *inputs, exchange)`` of the module that has the weights.

    It holds no tensor and no module, so that a copy of the module runs on its own weights.
    """

    def __init__(self, graph: fx.Graph) -> None:
        # Python code, as in a GraphModule: interpreting the graph would cost time at every node.
        code = graph.python_code("self")
        self._source, self._names = code.src, code.globals
        self._compile()

    def _compile(self) -> None:
        names = dict(self._names)
        exec(compile(self._source, "<part of a classifier>", "exec"), names)
        self._function: Callable[..., Any] = names["forward"]

    def __call__(self, net: nn.Module, *inputs: Any) -> Any:
        return self._function(net, *inputs)

    def __deepcopy__(self, memo: dict[int, Any]) -> "GraphPart":
        return self

    def __getstate__(self) -> tuple[str, dict[str, Any], dict[str, str]]:
        """The source, the objects that it names, and the names of modules: those cannot be pickled."""
        modules = {
            name: value.__name__ for name, value in self._names.items() if isinstance(value, ModuleType)
        }
        objects = {name: value for name, value in self._names.items() if name not in modules}
        return self._source, objects, modules

    def __setstate__(self, state: tuple[str, dict[str, Any], dict[str, str]]) -> None:
        self._source, objects, modules = state
        imported = {name: importlib.import_module(module) for name, module in modules.items()}
        self._names = {**objects, **imported}
        self._compile()


def _cut_out(
    values: Sequence[Value], inputs: Sequence[Value], outputs: Sequence[Value], shifted: Collection[str]
) -> fx.Graph:
    graph = fx.Graph()
    here = {value: graph.placeholder(f"input_{i}") for i, value in enumerate(inputs)}
    exchange = graph.placeholder("exchange", default_value=None)
    changed = {other for value in values for other in value.meta["changes"]}
    for value in inputs:
        if value in changed:  # whoever handed it in may still need it
            here[value] = graph.call_method("clone", (here[value],))
    for value in values:
        for read in value.all_input_nodes:
            if read.op == "get_attr" and read not in here:
                here[read] = graph.node_copy(read)
        made = graph.node_copy(value, here.__getitem__)
        if value.op == "call_module" and value.target in shifted:
            with graph.inserting_before(made):
                made.update_arg(0, graph.call_function(_exchanged, (exchange, made.args[0])))
        here[value] = made
    graph.output(here[outputs[0]] if len(outputs) == 1 else tuple(here[value] for value in outputs))
    return graph


def _exchanged(exchange: Callable[[Tensor], Tensor], x_MCHW: Tensor) -> Tensor:
    # Not operator.call, which torch.compile does not follow.
    return exchange(x_MCHW)


class _Tracer(fx.Tracer):
    """Keeps whole what a graph cannot say, such as dropout and norms, and remembers what each layer gave."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs: dict[str, list[Any]] = defaultdict(list)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        whole = isinstance(m, (_ConvNd, nn.Linear, _BatchNorm)) or next(m.children(), None) is None
        return whole or super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        output = super().call_module(m, forward, args, kwargs)
        if isinstance(m, FollowedNorm):
            for layer in m.children():
                output = output if isinstance(layer, nn.Identity) else layer(output)
        self.outputs[self.path_of_module(m)].append(output)
        return output


def _trace(name: str, net: nn.Module) -> _Tracer:
    training, evaluation = _Tracer(), _Tracer()
    with _modes_as_they_were(net):
        try:
            training.graph = training.trace(net.train())
            evaluation.graph = evaluation.trace(net.eval())
        except Exception as error:  # whatever the forward raises when it is given no real tensor
            raise ValueError(f"{name}: torch.fx cannot follow its forward: {_one_line(error)}") from error
    stored = {path for path, _ in [*net.named_parameters(), *net.named_buffers()]}
    for node in training.graph.nodes:
        if node.op == "get_attr" and node.target not in stored:
            raise ValueError(
                f"{name}: its forward makes a tensor, {_place(node)}, that would stay on one device; "
                "register it as a buffer"
            )
    for ours, theirs in zip_longest(training.graph.nodes, evaluation.graph.nodes):
        if ours is None or theirs is None or ours.format_node() != theirs.format_node():
            raise ValueError(
                f"{name}: its forward differs between training and evaluation, first at "
                f"{_place(ours or theirs)}; only modules without children, such as nn.Dropout, may do so"
            )
    return evaluation


def _place(node: fx.Node) -> str:
    """The node with the layer that it is in."""
    layers = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return f"{node} in layer {layers[-1]}" if layers else str(node)


@contextmanager
def _modes_as_they_were(net: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in net.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _observe(name: str, net: nn.Module, graph: fx.Graph) -> None:
    """Note at each node the shape of its value and the values that it changes in place."""
    try:
        with torch.inference_mode(False), torch.no_grad():  # in inference mode, tensors have no versions
            ghost = copy.deepcopy(net).to("meta").eval()
            observer = _Observer(ghost, garbage_collect_values=False, graph=graph)
            observer.run(torch.empty(IMAGES, device="meta"))
    except Exception as error:  # from any of the classifier's operations
        size = "×".join(map(str, IMAGES[1:]))
        raise ValueError(f"{name}: cannot take images of {size}: {_one_line(error)}") from error


class _Observer(fx.Interpreter):
    def run_node(self, n: fx.Node) -> Any:
        tensors = {node: value for node, value in self.env.items() if isinstance(value, Tensor)}
        versions = {node: value._version for node, value in tensors.items()}
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape) if isinstance(result, Tensor) else ()
        # Views count along: they share the version of what they show.
        n.meta["changes"] = [node for node, value in tensors.items() if value._version != versions[node]]
        return result


def _one_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
