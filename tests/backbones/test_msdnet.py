"""MSDNet: the published instance, its layers against plain convolutions, and the place of the shift.

Legend: M = clips · frames, C channels, H, W, B clips, T frames, K checkpoints, N classes.
"""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.networks import random_clips, random_network, relative_difference
from torch import Tensor, nn

import dyninf
from dyninf.backbones import MSDNet
from dyninf.grid import Exchange, Frames, NoShift, OnlineShift

TINY = {
    "blocks": 2,
    "base": 2,
    "step": 2,
    "channels": 8,
    "growth": 8,
    "growth_factors": [1, 2],
    "bottleneck_factors": [1, 2],
    "large_stem": False,
}


def alone() -> Exchange:
    """No shift, frames of one group."""
    return Exchange(NoShift(), Frames(((0, 1),)))


@pytest.mark.parametrize(("num_classes", "params"), [(1000, 62_314_472), (400, 60_314_672)])
def test_msdnet38_has_the_published_size(num_classes: int, params: int) -> None:
    with torch.device("meta"):
        network = dyninf.build_network("msdnet38", "depth", num_classes, num_frames=1)
    assert sum(parameter.numel() for parameter in network.parameters()) == params
    assert len(network.checkpoints) == 5
    widths = [network.backbone.classifier_of(stage).in_features for stage in range(1, 6)]
    assert widths == [576, 640, 608, 528, 976]


def test_names_of_weights_are_those_of_the_authors_release() -> None:
    with torch.device("meta"):
        names = set(dyninf.build_network("msdnet38", "depth", 1000, 1).backbone.state_dict())
    assert {
        "blocks.0.0.layers.0.0.bias",  # the stem alone has a bias
        "blocks.0.0.layers.3.net.0.weight",
        "blocks.0.1.layers.0.conv_normal.net.0.weight",
        "blocks.0.1.layers.3.conv_down.net.3.weight",
        "blocks.1.3.m.2.net.1.running_var",  # the transition behind the tenth layer
        "classifier.0.m.1.net.0.weight",
        "classifier.4.linear.bias",
    } <= names
    assert {name.split(".")[0] for name in names} == {"blocks", "classifier"}


def test_scales_are_dropped_fine_to_coarse() -> None:
    backbone = dyninf.build_network("msdnet38", "depth", 10, 1).backbone.eval()
    features, sizes = torch.randn(1, 3, 64, 64), []
    with torch.inference_mode():
        for stage in range(1, 6):
            features = backbone.run_stage(stage, features, Exchange(NoShift(), Frames(((0,),))))
            sizes.append([x.shape[-1] for x in features])
    # 35 layers over 4 scales: the finest goes after layers 9, 18 and 27.
    assert sizes == [[16, 8, 4, 2], [8, 4, 2], [4, 2], [2], [2]]


def test_a_layer_puts_new_channels_behind_those_it_was_given() -> None:
    backbone = MSDNet("tiny", prune="max", reduction=0.0, **TINY).eval()
    first, layer = backbone.blocks[0][:2]
    with torch.inference_mode():
        maps = first(torch.randn(2, 3, 32, 32), alone())
        grown = layer(maps, alone())
        assert [x.shape[1] for x in maps] == [8, 16]
        assert [x.shape[1] for x in grown] == [16, 32]
        for before, after in zip(maps, grown, strict=True):
            assert torch.equal(after[:, : before.shape[1]], before)
        coarse = layer.layers[1]
        # The coarser scale: half of the new channels from the finer one, half from itself.
        expected = [in_turn(coarse.conv_down.net, maps[0]), in_turn(coarse.conv_normal.net, maps[1])]
        assert [x.shape[1] for x in expected] == [8, 8]
        assert relative_difference(grown[1][:, 16:], torch.cat(expected, 1)) <= 1e-5


def in_turn(parts: nn.Sequential, x_MCHW: Tensor) -> Tensor:
    for part in parts:
        x_MCHW = part(x_MCHW)
    return x_MCHW


@given(
    blocks=st.integers(1, 4),
    base=st.integers(1, 4),
    step=st.integers(1, 3),
    scales=st.integers(1, 4),
    prune=st.sampled_from(["max", "min"]),
    reduction=st.sampled_from([0.0, 0.5, 0.9]),
    bottleneck=st.booleans(),
    place=st.sampled_from(["dense", "bottleneck"]),
)
@hypothesis_settings(max_examples=12)
def test_any_shape_of_msdnet_walks_as_it_runs_in_one_pass(
    blocks: int,
    base: int,
    step: int,
    scales: int,
    prune: str,
    reduction: float,
    bottleneck: bool,
    place: str,
) -> None:
    factors = [1, 2, 4, 4][:scales]
    network = random_network(
        "msdnet_small",
        "joint",
        4,
        groups=2,
        blocks=blocks,
        base=base,
        step=step,
        growth_factors=factors,
        bottleneck_factors=factors if bottleneck or place == "bottleneck" else None,
        prune=prune,
        reduction=reduction,
        shift_place=place,
    )
    video_BTCHW = random_clips(2, 4)
    with torch.inference_mode():
        walked_BKN = torch.stack([logits_BN for _, logits_BN in network.walk(video_BTCHW)], 1)
        assert len(network.checkpoints) == 2 * blocks
        assert relative_difference(network(video_BTCHW), walked_BKN) <= 1e-4
    assert all(a < b for a, b in pairwise(network.costs(32, 32).macs_K.tolist()))


@pytest.mark.parametrize("place", ["dense", "bottleneck"])
def test_the_shift_leaves_the_identity_path_alone(place: str) -> None:
    backbone = MSDNet("tiny", prune="max", reduction=0.0, shift_place=place, **TINY).eval()
    first, layer = backbone.blocks[0][:2]
    with torch.inference_mode():
        maps = first(torch.randn(2, 3, 32, 32), alone())
        still, moved = (
            layer(maps, Exchange(shift, Frames(((0, 1),)))) for shift in (NoShift(), OnlineShift())
        )
    for before, without, shifted in zip(maps, still, moved, strict=True):
        old = before.shape[1]
        assert torch.equal(shifted[:, :old], before)
        assert not torch.allclose(shifted[:, old:], without[:, old:])


@pytest.mark.parametrize(
    ("place", "kept"),
    # dense: each scale once; bottleneck: each of the convolutions, of which the finest scale has one.
    [("dense", [(1, 8), (2, 4)]), ("bottleneck", [(1, 8), (1, 8), (2, 4)])],
)
def test_what_is_kept_depends_on_the_place(place: str, kept: list[tuple[int, int]]) -> None:
    backbone = MSDNet("tiny", prune="max", reduction=0.0, shift_place=place, **TINY).eval()
    first, layer = backbone.blocks[0][:2]
    exchange = Exchange(OnlineShift(), Frames(((0, 1),)))
    with torch.inference_mode():
        layer(first(torch.randn(2, 3, 32, 32), exchange), exchange)
    assert [(x.shape[1], x.shape[-1]) for x in exchange.kept] == kept


def test_the_place_of_the_shift_is_part_of_a_networks_fingerprint() -> None:
    prints = {
        dyninf.grid.fingerprint(random_network("msdnet_small", "joint", 4, shift_place=place))
        for place in ("dense", "bottleneck")
    }
    assert len(prints) == 2


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"prune": "some"}, "prune='some' is unknown; choose max or min"),
        ({"shift_place": "identity"}, "shift_place='identity'; choose one of dense, bottleneck"),
        ({"shift_place": "bottleneck", "bottleneck_factors": None}, "with bottleneck_factors only"),
        ({"bottleneck_factors": [1]}, "1 bottleneck factors for 2 scales"),
        ({"reduction": 1.0}, "0 <= reduction < 1"),
        ({"blocks": 0}, "blocks must be 1 or more, got 0"),
        ({"base": 0}, "need layers in every block"),
        ({"growth": 7, "growth_factors": [1, 1]}, "growth 7 times factor 1 is odd"),
    ],
)
def test_a_setting_that_makes_no_network_is_refused(setting: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MSDNet("tiny", **TINY | setting)


def test_a_head_can_have_a_projection() -> None:
    network = random_network("msdnet_small", "joint", 4, head_width=48, average="cells")
    assert {network.backbone.classifier_of(stage).in_features for stage in (1, 2, 3)} == {48}
