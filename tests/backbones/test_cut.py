"""What cutting a classifier means, on classifiers small enough to see it.

Legend: M = clips · frames, C, H, W.
"""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from tests.networks import make_norms_matter, random_clips, relative_difference
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from dyninf.backbones import CutNetwork
from dyninf.grid import Exchange, Features, Frames, Network, NoShift, OnlineShift, Scheme


class Small(nn.Module):
    """Two convolutions with an identity path over the second, a hidden linear layer, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=4, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.scale = nn.Parameter(torch.rand(16, 1, 1))
        self.third = nn.Conv2d(16, 24, 3, padding=1)
        self.head = nn.Sequential(nn.Linear(24, 12), nn.Hardswish(), nn.Dropout(0.3), nn.Linear(12, 5))

    def forward(self, images_MCHW: Tensor) -> Tensor:
        x_MCHW = self.relu(self.norm(self.first(images_MCHW)))
        x_MCHW = x_MCHW + self.scale * self.second(x_MCHW)
        return self.head(self.third(x_MCHW).mean((2, 3)))


def small() -> Small:
    torch.manual_seed(0)
    net = Small().eval()
    make_norms_matter(net)
    return net


def exchange(shift: object, frames: int = 2) -> Exchange:
    return Exchange(shift, Frames((tuple(range(frames)),)))


def logits_of(backbone: CutNetwork, images_MCHW: Tensor) -> Tensor:
    """Stage by stage, without a shift."""
    features_M: Features = images_MCHW
    last = len(backbone.stage_names)
    for stage in range(1, last + 1):
        features_M = backbone.run_stage(stage, features_M, exchange(NoShift()))
    return backbone.classify(last, backbone.embed(last, features_M))


@pytest.mark.parametrize(
    "cuts, crossing",
    [
        ([], ()),
        (["relu"], (1,)),
        (["second"], (2,)),  # the identity path crosses as well
        (["norm", "second"], (1, 2)),
    ],
)
@torch.inference_mode()
def test_a_cut_hands_on_what_later_stages_read(cuts: list[str], crossing: tuple[int, ...]) -> None:
    net = small()
    backbone = CutNetwork("small", net, cuts, []).eval()
    features_M: Features = torch.randn(2, 3, 32, 32)
    assert relative_difference(logits_of(backbone, features_M), net(features_M)) <= 1e-6
    for stage, count in enumerate(crossing, 1):
        features_M = backbone.run_stage(stage, features_M, exchange(NoShift()))
        assert (1 if isinstance(features_M, Tensor) else len(features_M)) == count


@torch.inference_mode()
def test_only_the_named_convolution_sees_shifted_features() -> None:
    net = small()
    backbone = CutNetwork("small", net, ["relu"], ["second"]).eval()
    x_MCHW = torch.randn(2, 16, 8, 8)
    shifted_MCHW = x_MCHW.clone()
    shifted_MCHW[0, :2], shifted_MCHW[1, :2] = 0, x_MCHW[0, :2]
    expected_MCHW = net.third(x_MCHW + net.scale * net.second(shifted_MCHW))
    places = exchange(OnlineShift())
    assert relative_difference(backbone.run_stage(2, x_MCHW, places), expected_MCHW) <= 1e-6
    assert [kept.shape for kept in places.kept] == [(1, 2, 8, 8)]


@torch.inference_mode()
def test_a_stage_leaves_what_it_was_given_as_it_was() -> None:
    backbone = CutNetwork("small", small(), ["norm"], []).eval()
    x_MCHW = backbone.run_stage(1, torch.randn(2, 3, 32, 32), exchange(NoShift()))
    assert x_MCHW.min() < 0  # the ReLU behind the cut would change it in place
    before_MCHW = x_MCHW.clone()
    backbone.run_stage(2, x_MCHW, exchange(NoShift()))
    assert torch.equal(x_MCHW, before_MCHW)


@torch.inference_mode()
def test_a_layer_of_many_layers_ends_where_its_last_one_does() -> None:
    backbone = CutNetwork("r", models.resnet18(), ["layer2"], []).eval()
    net, images_MCHW = backbone.net, torch.randn(2, 3, 32, 32)
    expected_MCHW = net.layer2(net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(images_MCHW))))))
    assert torch.equal(backbone.run_stage(1, images_MCHW, exchange(NoShift())), expected_MCHW)


def test_weights_are_there_once_under_the_names_of_the_classifier() -> None:
    net = small()
    names = [f"net.{name}" for name in net.state_dict()]
    backbone = CutNetwork("small", net, ["relu"], ["second"])
    assert list(backbone.state_dict()) == names
    network = Network(backbone, Scheme("depth", checkpoints=[[1, 2]]), 5, 2)
    assert list(network.backbone.state_dict()) == names


def test_a_copy_runs_on_its_own_weights() -> None:
    backbone = CutNetwork("small", small(), ["relu"], ["second"]).eval()
    other = copy.deepcopy(backbone)
    images_MCHW = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        before_MN = logits_of(backbone, images_MCHW)
        other.net.scale.zero_()
        assert torch.equal(logits_of(backbone, images_MCHW), before_MN)
        assert relative_difference(logits_of(other, images_MCHW), before_MN) > 1e-3


def test_heads_of_earlier_stages_read_the_map_at_their_end() -> None:
    backbone = CutNetwork("small", small(), ["second"], [], head_stages=[1, 2], head_width=7)
    network = Network(backbone, Scheme("depth"), 5, 2).eval()
    assert network.backbone.heads["stage1"].project.in_features == 16
    assert [network.backbone.classifier_of(stage).in_features for stage in (1, 2)] == [7, 12]
    features_M = network.backbone.run_stage(1, torch.randn(2, 3, 32, 32), exchange(NoShift()))
    with torch.inference_mode():
        expected_MF = network.backbone.heads["stage1"].embed(features_M[0].mean((2, 3)))
        assert torch.equal(network.backbone.embed(1, features_M), expected_MF)


@pytest.mark.parametrize("classes, kept", [(5, True), (4, False)])
def test_the_last_classifier_is_kept_if_it_has_the_number_of_classes(classes: int, kept: bool) -> None:
    net = small()
    linear = net.head[3]
    network = Network(CutNetwork("small", net, ["relu"], []), Scheme("plain"), classes, 2)
    assert (network.backbone.classifier_of(2) is linear) == kept
    assert network.backbone.classifier_of(2).weight.shape == (classes, 12)


def test_a_last_classifier_that_no_checkpoint_uses_has_no_parameters() -> None:
    backbone = CutNetwork("small", small(), ["relu"], [], head_stages=[1])
    network = Network(backbone, Scheme("depth", checkpoints=[[1, 1]]), 5, 2)
    assert not [name for name in network.state_dict() if "head.3" in name]
    assert network(random_clips(2, 2)).shape == (2, 1, 5)


def test_dropout_before_the_last_classifier_belongs_to_it() -> None:
    assert CutNetwork("small", small(), [], []).dropout.p == 0.3
    assert CutNetwork("small", small(), [], [], dropout=0.5).dropout.p == 0.5
    backbone = CutNetwork("small", small(), [], []).train()
    map_MCHW = torch.randn(4, 24, 8, 8)
    assert torch.equal(backbone.embed(1, map_MCHW), backbone.embed(1, map_MCHW))


def test_what_comes_out_of_a_pickle_gives_the_same_logits() -> None:
    network = Network(CutNetwork("small", small(), ["relu"], ["second"]), Scheme("depth"), 5, 2).eval()
    other = pickle.loads(pickle.dumps(network))
    video_BTCHW = random_clips(2, 2)
    with torch.inference_mode():
        before_BKN = network(video_BTCHW)
        assert torch.equal(other(video_BTCHW), before_BKN)
        other.backbone.net.scale.zero_()
        assert torch.equal(network(video_BTCHW), before_BKN)
        assert not torch.equal(other(video_BTCHW), before_BKN)


def striding(net: Small) -> None:
    net.third.stride = (2, 2)


def dilating(net: Small) -> None:
    net.third.dilation = net.third.padding = (2, 2)


def norm_with_another_epsilon(net: Small) -> None:
    net.norm.eps = 0.1


def another_activation(net: Small) -> None:
    net.head[1] = nn.SiLU()


def leakier(net: Small) -> None:
    net.head[1] = nn.LeakyReLU(0.2)


def leaky(net: Small) -> None:
    net.head[1] = nn.LeakyReLU(0.1)


def variant_of(change: Callable[[Small], object] = lambda net: None, mode: bool = False) -> str:
    net = small().train(mode)
    change(net)
    return CutNetwork("small", net, ["relu"], ["second"]).variant


def test_the_variant_tells_every_setting_of_a_layer() -> None:
    changes = [striding, dilating, norm_with_another_epsilon, another_activation, leaky, leakier]
    assert len({variant_of(), *map(variant_of, changes)}) == 1 + len(changes)


def test_the_variant_tells_nothing_of_weights_mode_and_dropout() -> None:
    assert variant_of(mode=True) == variant_of()
    assert variant_of(lambda net: nn.init.zeros_(net.scale)) == variant_of()
    assert variant_of(lambda net: net.head.__setitem__(2, nn.Dropout(0.9))) == variant_of()


def test_the_variant_is_the_same_in_another_process() -> None:
    code = "from tests.backbones.test_cut import variant_of; print(variant_of())"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == variant_of()


@pytest.mark.parametrize("mode", [True, False])
def test_cutting_leaves_the_mode_of_every_layer_as_it_was(mode: bool) -> None:
    net = small().train(mode)
    net.norm.train(not mode)
    CutNetwork("small", net, ["relu"], [])
    assert (net.training, net.norm.training, net.head.training) == (mode, not mode, mode)


def test_a_backbone_serves_one_network() -> None:
    backbone = CutNetwork("small", small(), ["relu"], [])
    Network(backbone, Scheme("plain"), 5, 2)
    with pytest.raises(ValueError, match="this small has heads already"):
        Network(backbone, Scheme("plain"), 5, 2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"cuts": ["relo"]},
            "no layer 'relo' to cut behind .*, did you mean relu.* there are first, norm",
        ),
        ({"cuts": ["elsewhere"]}, "no layer 'elsewhere' to cut behind .*; there are first, norm, relu"),
        ({"cuts": ["second", "relu"]}, "cuts out of order, relu does not come behind second"),
        ({"cuts": ["relu", "relu"]}, "cuts out of order, relu does not come behind relu"),
        ({"cuts": ["third"]}, "behind the last cut, no layer gives a map"),
        ({"cuts": ["head.1"]}, "behind the last cut, no layer gives a map"),
        (
            {"shift_at": ["secnd"]},
            "no convolution 'secnd' .*, did you mean second.* there are first, sec",
        ),
        ({"shift_at": ["relu"]}, "no convolution 'relu' .*; there are first, second, third"),
        ({"shift_at": ["first", "conv*"]}, r"no convolution 'conv\*'"),
        ({"cuts": ["relu"], "head_stages": [2, 3]}, r"head_stages=\[2, 3\]; it has stages 1 to 2"),
        ({"head_stages": []}, r"head_stages=\[\]; it has stages 1 to 1"),
        ({"head_width": 0}, "head_width=0 has to be at least 1, or null"),
    ],
)
def test_arguments_that_do_not_fit_are_one_clear_error(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^small: .*{message}") as caught:
        CutNetwork("small", small(), **{"cuts": [], "shift_at": [], **arguments})
    assert "\n" not in str(caught.value)


def test_an_error_lists_the_layers_of_a_large_network_to_a_sensible_depth() -> None:
    with pytest.raises(ValueError, match=r"did you mean features\.3 or .* inside of these$") as caught:
        CutNetwork("m", models.mobilenet_v2(), ["feature.3"], [])
    assert "features.18" in str(caught.value)
    assert "features.3.conv" not in str(caught.value)


class Bends(Small):
    """Asks the values of the images."""

    def forward(self, images_MCHW: Tensor) -> Tensor:
        return super().forward(images_MCHW if images_MCHW.sum() > 0 else -images_MCHW)


class DropsByFunction(Small):
    """Dropout that the graph would keep in the mode of the day."""

    def forward(self, images_MCHW: Tensor) -> Tensor:
        return super().forward(F.dropout(images_MCHW, 0.5, training=self.training))


class AnswersMoreInTraining(Small):
    def forward(self, images_MCHW: Tensor) -> Tensor:
        logits_MN = super().forward(images_MCHW)
        return logits_MN + 1 if self.training else logits_MN


class MakesATensor(Small):
    def forward(self, images_MCHW: Tensor) -> Tensor:
        return super().forward(images_MCHW * torch.ones(3, 1, 1))


class TakesMore(Small):
    def forward(self, images_MCHW: Tensor, scale: Tensor) -> Tensor:
        return super().forward(images_MCHW * scale)


class EndsInSoftmax(Small):
    def forward(self, images_MCHW: Tensor) -> Tensor:
        return super().forward(images_MCHW).softmax(-1)


class EndsInConvolution(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class ClassifiesPixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)

    def forward(self, images_MCHW: Tensor) -> Tensor:
        return self.fc(self.conv(images_MCHW).permute(0, 2, 3, 1))


class WantsSmallImages(Small):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(24, 5))

    def forward(self, images_MCHW: Tensor) -> Tensor:
        return self.head(
            self.third(self.second(self.first(images_MCHW))).reshape(-1, 24 * 8 * 8)[:, :24] @ self.scale
        )


class RemembersTheSize(Small):
    def forward(self, images_MCHW: Tensor) -> Tensor:
        count = images_MCHW.size(0)
        x_MCHW = self.third(self.relu(self.first(images_MCHW)))
        return self.head(x_MCHW.mean((2, 3)).view(count, -1))


class RunsALayerTwice(Small):
    def forward(self, images_MCHW: Tensor) -> Tensor:
        x_MCHW = self.relu(self.second(self.relu(self.first(images_MCHW))))
        return self.head(self.third(x_MCHW).mean((2, 3)))


class HasASideResult(Small):
    def forward(self, images_MCHW: Tensor) -> Tensor:
        x_MCHW = self.first(images_MCHW)
        self.second(x_MCHW)
        return self.head(self.third(x_MCHW).mean((2, 3)))


class ClampedNorm(nn.BatchNorm2d):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).clamp(min=0)


class HasANormThatDoesMore(Small):
    def __init__(self) -> None:
        super().__init__()
        self.norm = ClampedNorm(16)


class FlattensEarly(Small):
    """A stage that ends without a map, between two that do."""

    def __init__(self) -> None:
        super().__init__()
        self.flat = nn.Flatten(2)

    def forward(self, images_MCHW: Tensor) -> Tensor:
        x_MCHW = self.flat(self.first(images_MCHW)).unflatten(2, (-1, 8))
        return self.head(self.third(x_MCHW).mean((2, 3)))


@pytest.mark.parametrize(
    "net, cuts, message",
    [
        (Bends, [], "torch.fx cannot follow its forward: symbolically traced variables"),
        (DropsByFunction, [], "differs between training and evaluation, first at dropout"),
        (AnswersMoreInTraining, [], "differs between training and evaluation, first at add"),
        (MakesATensor, [], "its forward makes a tensor, .*register it as a buffer"),
        (TakesMore, [], r"must take images alone, but reads images_[mM][cC][hH][wW], scale"),
        (EndsInSoftmax, [], "has to end in a linear layer, but ends in softmax"),
        (EndsInConvolution, [], "has to end in a linear layer, but ends in 2"),
        (ClassifiesPixels, [], r"fc has to read one vector \(M, F\) an image, but reads \(2, 222, 222, 8\)"),
        (WantsSmallImages, [], "cannot take images of 3×224×224: "),
        (
            RemembersTheSize,
            ["first"],
            "a cut behind first goes through size, which is no features",
        ),
        (RunsALayerTwice, ["relu"], r"no layer 'relu' to cut behind \(it has to run, and once\)"),
        (HasASideResult, ["second"], "nothing reads what second gives"),
        (HasANormThatDoesMore, [], "layer norm is a ClampedNorm, a batch norm with a forward of its own"),
    ],
)
def test_a_classifier_that_cannot_be_cut_is_one_clear_error(net: type, cuts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^odd: .*{message}") as caught:
        CutNetwork("odd", net(), cuts, [])
    assert "\n" not in str(caught.value)


def test_a_head_needs_a_map() -> None:
    with pytest.raises(ValueError, match=r"a head at stage 1 needs a map \(M, C, H, W\)"):
        CutNetwork("odd", FlattensEarly(), ["flat"], [], head_stages=[1, 2])
    assert CutNetwork("odd", FlattensEarly(), ["flat"], []).head_stages == (2,)
