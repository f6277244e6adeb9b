"""Compiled segments: every engine is the same function, wherever the route is cut.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

import pytest
import torch
from tests.networks import SIZE, Setting, random_clips, random_network, relative_difference
from tests.runtime.test_infer import check_same, splitting_policies

from dyninf import infer
from dyninf.policies import MaxProbability
from dyninf.runtime import Runner, engine_named

TOLERANCE = 1e-3
COMPILERS = ("onnxruntime", "openvino", "compile")


def test_eager_segments_with_folded_norms_are_the_network(setting: Setting) -> None:
    runner = Runner(setting.network, SIZE, SIZE)
    for policy in splitting_policies(setting.trace):
        expected = infer(setting.network, setting.video_BTCHW, policy)
        check_same(infer(runner, setting.video_BTCHW, policy), expected, torch.arange(5))


@pytest.mark.parametrize("engine", COMPILERS)
@pytest.mark.parametrize("backbone", ["resnet_small", "msdnet_small", "mobilenet_v2"])
def test_an_engine_gives_what_the_network_gives(engine: str, backbone: str) -> None:
    network = random_network(backbone, "joint", 4, groups=2)
    for clips in (1, 3):
        video_BTCHW = random_clips(clips, 4)
        runner = Runner(network, SIZE, SIZE, engine_named(engine), batch=3)
        with torch.inference_mode():
            logits_BKN = network(video_BTCHW)
        result = infer(runner, video_BTCHW, MaxProbability(2.0))
        assert relative_difference(result.logits_BN, logits_BKN[:, -1]) <= TOLERANCE
