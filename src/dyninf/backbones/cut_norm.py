"""Batch norms that do more than normalise.

Where batch norms are synchronised over processes, `torch.nn.SyncBatchNorm.convert_sync_batchnorm` puts its
own in the place of each. Of what a subclass adds, parameters, buffers and children stay, but no behaviour.
"""

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm


class FollowedNorm(nn.BatchNorm2d):
    """Normalises and no more; its children, such as an activation, come behind it, in their order.

    The graph of a `TracedClassifier` calls each of them by its name. So parameters keep the names that they
    had in the norm that did it all, and children come along when a synchronised norm takes its place.
    """


def follow_norms(net: nn.Module, kind: type[nn.BatchNorm2d]) -> None:
    """Make each `kind` in `net`, which normalises and then calls its children in order, a `FollowedNorm`."""
    for module in net.modules():
        if isinstance(module, kind):
            # As torch's lazy modules do; all tensors, names and modes stay.
            module.__class__ = FollowedNorm


def check_norms(name: str, net: nn.Module, graph: fx.Graph) -> None:
    """Raise ValueError if the graph calls a batch norm that does more than normalise."""
    plain = (_BatchNorm.forward, nn.SyncBatchNorm.forward)
    for node in graph.nodes:
        layer = net.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(layer, _BatchNorm) and type(layer).forward not in plain:
            raise ValueError(
                f"{name}: layer {node.target} is a {type(layer).__name__}, a batch norm with a forward of "
                "its own, which is lost where batch norms are synchronised; use a plain one and layers for "
                "what else it does (timm_backbone does so with timm's BatchNormAct2d)"
            )
