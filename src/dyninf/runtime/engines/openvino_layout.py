"""Maps of features that enter and leave an OpenVINO graph as they lie in its memory.

OpenVINO's convolutions have the channels innermost, and so have the maps that segments hand on. The plugin
sees that nothing has to be turned on the way in some forms of a graph only, which are brought about here
(found with OpenVINO 2026.4; a release that sees it in other forms gives the same results, and turns maps).

Legend: M = clips · frames, C channels of which c are cut off, H, W.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openvino


def keep_channels_innermost(model: openvino.Model) -> None:
    """Change a graph of fixed sizes in place.

    Its outputs stay as they are in memory, but may get other sizes: who reads them gives them theirs.
    """
    for result in model.get_results():
        last = result.input_value(0)
        if _kind(last) == "Reshape" and _kind(_source(last)) == "Transpose":
            result.input(0).replace_source_output(_source(last))
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Slice":
            _cut_before_turning(node)
    model.validate_nodes_and_infer_types()


def _cut_before_turning(node: Any) -> None:
    """Have channels cut off a map before it is turned, where it comes right from an input.

    The map is then turned for convolutions alone, which need not do it.
    """
    from openvino import opset13 as ops

    turned = node.input_value(0)  # (M, C, H, W)
    while _kind(turned) == "Reshape":
        turned = _source(turned)
    if _kind(turned) != "Transpose":
        return
    before = given = _source(turned)
    while _kind(given) == "Reshape":
        given = _source(given)
    if _kind(given) != "Parameter":
        return
    axes, order = _numbers(node.input_value(4)), _numbers(turned.get_node().input_value(1))
    sizes = list(node.input_value(0).shape)
    if axes != [1] or order != [0, 2, 1] or len(sizes) != 4:
        return
    M, C, H, W = sizes
    if list(before.shape) != [M, H * W, C]:
        return
    bounds = (node.input_value(i) for i in (1, 2, 3))
    cut = ops.slice(before, *bounds, ops.constant([2]))
    c = cut.output(0).shape[2]
    maps = ops.reshape(
        ops.transpose(cut, ops.constant(order)), ops.constant([M, c, H, W]), special_zero=False
    )
    node.output(0).replace(maps.output(0))


def _kind(value: Any) -> str:
    kind: str = value.get_node().get_type_name()
    return kind


def _source(value: Any) -> Any:
    """What a node that gives this value reads first."""
    return value.get_node().input_value(0)


def _numbers(value: Any) -> list[int] | None:
    """Those of a constant; None for what is made in the graph."""
    node = value.get_node()
    return node.get_data().reshape(-1).tolist() if node.get_type_name() == "Constant" else None
