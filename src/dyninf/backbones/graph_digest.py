"""A short name for what a classifier computes, whatever its weights are."""

import hashlib
import re

from torch import fx, nn

# Layers without a setting that matters in evaluation, here, in torchvision and in timm: they do nothing then,
# or their settings are the shapes of their weights.
WITHOUT_SETTINGS = {"Identity", "Dropout", "Dropout2d", "StochasticDepth", "DropPath", "Linear"}
IN_TRAINING = {"momentum", "inplace"}  # settings of other layers that change no result in evaluation


def digest_of(net: nn.Module, graph: fx.Graph) -> str:
    """Sixteen hex digits over the graph's operations and the settings of the layers that it calls."""
    lines = []
    for node in graph.nodes:
        lines.append(str(node.format_node()))
        if node.op == "call_module":
            layer = net.get_submodule(node.target)
            lines += [_settings(module) for module in layer.modules()]
    # What is printed of a function or an object ends in an address, which is another one in each process.
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", "\n".join(lines))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(module: nn.Module) -> str:
    """The class and what the module has beside what every module has, such as a stride."""
    kind = type(module).__name__
    if kind in WITHOUT_SETTINGS:
        return ""
    common = vars(nn.Module()).keys() | IN_TRAINING
    return f"{kind} {sorted((key, repr(value)) for key, value in vars(module).items() if key not in common)}"
