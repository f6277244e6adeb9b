"""The temporal shift inside convolutions, and maps that are not turned between segments.

Legend: B clips, C, H, W.
"""

from collections.abc import Iterable
from typing import cast

import pytest
import torch
from tests.networks import SIZE, random_clips, random_network, relative_difference, require_package
from torch import Tensor, nn

from dyninf.backbones.resnet import ResNet
from dyninf.grid import Exchange, Features, Network, NoShift, segments_of
from dyninf.runtime.engines import GraphFiles, folded
from dyninf.runtime.engines.shift_apart import ShiftedConv2d


def taken_apart(network: Network) -> list[str]:
    """The convolutions that take shifted features apart."""
    return [name for name, module in network.named_modules() if isinstance(module, ShiftedConv2d)]


@pytest.mark.parametrize(
    ("backbone", "scheme", "options"),
    [
        ("resnet_small", "depth", {"shift": "offline"}),
        ("resnet_small", "joint", {"groups": 2, "shift": "online"}),
        ("msdnet_small", "joint", {"groups": 2, "shift": "two_way", "shift_place": "dense"}),
        ("msdnet_small", "joint", {"groups": 2, "shift": "two_way", "shift_place": "bottleneck"}),
        ("mobilenet_v2", "joint", {"groups": 2, "shift": "nearest"}),
    ],
)
def test_convolutions_take_shifted_features_apart(
    backbone: str, scheme: str, options: dict[str, object]
) -> None:
    network = random_network(backbone, scheme, 4, **options)
    made, video_BTCHW = folded(network, SIZE, SIZE, shift_apart=True), random_clips(3, 4)
    assert taken_apart(made)
    assert not taken_apart(folded(network, SIZE, SIZE))
    with torch.no_grad():
        expected_BKN, found_BKN = network(video_BTCHW), made(video_BTCHW)
        walked = [logits_BN for _, logits_BN in made.walk(video_BTCHW)]
    assert relative_difference(found_BKN, expected_BKN) <= 1e-4
    assert relative_difference(torch.stack(walked, 1), expected_BKN) <= 1e-4


def test_there_is_nothing_to_take_apart_without_a_shift() -> None:
    made = folded(random_network("resnet_small", "depth", 4, shift="none"), SIZE, SIZE, shift_apart=True)
    assert isinstance(made.shift, NoShift)
    assert not taken_apart(made)


@pytest.mark.parametrize("blocks", [1, 2], ids=["one-block", "every-block"])
def test_a_shift_that_something_else_reads_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    network = random_network("resnet_small", "joint", 4, groups=2)

    def run_stage(self: ResNet, stage: int, features_M: Features, exchange: Exchange) -> Features:
        x_MCHW = cast(Tensor, features_M)
        if stage == 1:
            x_MCHW = self.maxpool(self.relu(self.bn1(self.conv1(x_MCHW))))
        for i, block in enumerate(cast(Iterable[nn.Module], self.get_submodule(f"layer{stage}"))):
            shifted_MCHW = exchange(x_MCHW)
            x_MCHW = block(x_MCHW, shifted_MCHW * 2 if i < blocks else shifted_MCHW)
        return x_MCHW

    monkeypatch.setattr(ResNet, "run_stage", run_stage)
    made, video_BTCHW = folded(network, SIZE, SIZE, shift_apart=True), random_clips(2, 4)
    assert not taken_apart(made)
    with torch.no_grad():
        assert relative_difference(made(video_BTCHW), network(video_BTCHW)) <= 1e-4


def test_maps_enter_and_leave_an_openvino_graph_as_they_are() -> None:
    require_package("openvino")
    import openvino

    from dyninf.runtime.engines.openvino_layout import keep_channels_innermost

    network = folded(random_network("resnet_small", "joint", 4, groups=2), SIZE, SIZE, shift_apart=True)
    middle = segments_of(network, SIZE, SIZE)[1]
    (read,) = [name for name in middle.plan.reads if name.startswith("features.")]
    with GraphFiles() as graphs:
        model = openvino.Core().read_model(graphs.of(middle))
    sizes = zip(middle.plan.input_names, middle.plan.input_shapes, strict=True)
    model.reshape({name: [2, *shape] for name, shape in sizes})
    model_as_it_was, inputs = model.clone(), [x.numpy() for x in middle.example(2)]
    keep_channels_innermost(model)

    written = [name.startswith("next.features.") for name in middle.output_names]
    last = [result.input_value(0).get_node().get_type_name() for result in model.get_results()]
    assert any(written)
    assert all(kind == "Transpose" for kind, is_map in zip(last, written, strict=True) if is_map)
    turned = [node for node in model.get_ordered_ops() if node.get_type_name() == "Transpose"]
    whole = middle.plan.input_shapes[middle.plan.input_names.index(read)]
    (map_read,) = [node for node in turned if node.output(0).shape[1] == whole[-1] and reads(node, read)]
    readers = [port.get_node().get_type_name() for port in behind_reshapes(map_read.output(0))]
    assert readers
    assert set(readers) == {"Convolution"}

    core = openvino.Core()
    expected = core.compile_model(model_as_it_was, "CPU")(inputs)
    found = core.compile_model(model, "CPU")(inputs)
    for i in range(len(middle.output_names)):
        assert (
            relative_difference(torch.tensor(found[i]).flatten(), torch.tensor(expected[i]).flatten()) <= 1e-5
        )


def reads(node, name: str) -> bool:
    """Whether a node reads an input of the graph, as it is."""
    while node.get_type_name() in ("Reshape", "Transpose"):
        node = node.input_value(0).get_node()
    return node.get_friendly_name() == name


def behind_reshapes(output):
    """The inputs that read an output, whatever sizes they see it with."""
    for port in output.get_target_inputs():
        node = port.get_node()
        if node.get_type_name() == "Reshape":
            yield from behind_reshapes(node.output(0))
        else:
            yield port
