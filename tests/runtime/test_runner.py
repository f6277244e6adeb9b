"""Compiled segments: every engine is the same function, wherever the route is cut.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

from dataclasses import replace

import pytest
import torch
from tests.networks import (
    SIZE,
    Setting,
    labelled,
    random_clips,
    random_network,
    relative_difference,
    require_package,
)
from tests.runtime.test_infer import check_same, splitting_policies
from torch.utils.flop_counter import FlopCounterMode

from dyninf import infer
from dyninf.policies import LearnedGate, MaxProbability
from dyninf.runtime import ENGINES, Runner, choose_engine, engine_named
from dyninf.trace import Trace

TOLERANCE = 1e-3


def test_eager_segments_with_folded_norms_are_the_network(setting: Setting) -> None:
    runner = Runner(setting.network, SIZE, SIZE)
    for policy in splitting_policies(setting.trace)[: 1 if setting.network.gates is None else 2]:
        expected = infer(setting.network, setting.video_BTCHW, policy)
        with FlopCounterMode(display=False) as counter:
            found = infer(runner, setting.video_BTCHW, policy)
        check_same(found, expected, torch.arange(5))
        # Law 4. The counter counts a multiply-add twice.
        assert counter.get_total_flops() == 2 * found.macs_B.sum().item()


@pytest.mark.parametrize(
    ("engines", "backbone", "options"),
    [
        # Short, and without their last stages: to write graphs takes a second a layer.
        (
            ("onnxruntime", "openvino"),
            "msdnet_small",
            {
                "gates": 16,
                "base": 1,
                "step": 1,
                "growth_factors": [1, 2],
                "bottleneck_factors": [1, 2],
                "checkpoints": [[1, 1], [2, 1], [2, 2]],
            },
        ),
        (("onnxruntime", "openvino"), "mobilenet_v2", {"shift": "nearest", "checkpoints": [[1, 2], [2, 2]]}),
        (("compile",), "resnet_small", {"shift": "two_way", "checkpoints": [[1, 2], [2, 2]]}),
    ],
)
def test_an_engine_gives_what_the_network_gives(
    engines: tuple[str, ...], backbone: str, options: dict[str, object]
) -> None:
    network = random_network(backbone, "joint", 4, groups=2, **options)
    video_BTCHW, middle = random_clips(3, 4), (len(network.checkpoints) - 1) // 2
    policy = MaxProbability([2.0] * len(network.checkpoints))
    trace = Trace.record(network, [labelled(video_BTCHW)])
    if network.gates is not None:
        policy = LearnedGate(2.0)
    scores_B = trace.scores(policy)[:, middle]
    thresholds = [2.0] * len(network.checkpoints)
    thresholds[middle] = scores_B.sort().values[-2:].mean().item()  # one clip leaves there
    policy = policy.with_threshold(thresholds)
    expected = infer(network, video_BTCHW, policy)
    assert expected.checkpoint_B.tolist().count(middle) == 1
    for engine in engines:
        runner = Runner(network, SIZE, SIZE, engine_named(engine), batch=3, stops=[middle], cache=True)
        found = infer(runner, video_BTCHW, policy)
        assert torch.equal(found.checkpoint_B, expected.checkpoint_B)
        assert torch.equal(found.macs_B, expected.macs_B)
        assert relative_difference(found.logits_BN, expected.logits_BN) <= TOLERANCE


def test_frames_may_lie_in_memory_in_any_order() -> None:
    require_package("openvino")
    network = random_network("resnet_small", "joint", 4, groups=2, checkpoints=[[1, 2], [2, 2]])
    runner = Runner(network, SIZE, SIZE, engine_named("openvino"), batch=2, stops=[], cache=True)
    never = MaxProbability([2.0] * len(network.checkpoints))
    for seed in range(3):  # several times, so that memory is used again
        video_BTCHW = random_clips(2, 4, seed=seed)
        turned = video_BTCHW.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
        expected = infer(network, video_BTCHW, never)
        for given in (turned, video_BTCHW, video_BTCHW[:1], turned):
            found = infer(runner, given, never)
            assert relative_difference(found.logits_BN, expected.logits_BN[: len(given)]) <= TOLERANCE


def test_the_fastest_engine_is_chosen_once_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network("resnet_small", "plain", 2, width=8)
    monkeypatch.delitem(ENGINES, "compile")  # takes a minute
    choice = choose_engine(network, SIZE, SIZE, batch=2)
    assert not choice.remembered
    assert choice.failed == {}
    assert set(choice.milliseconds) == set(ENGINES)
    assert choice.engine == min(choice.milliseconds, key=choice.milliseconds.__getitem__)
    again = choose_engine(network, SIZE, SIZE, batch=2)
    assert again == replace(choice, remembered=True)
    assert "measured earlier" in str(again)
    assert not choose_engine(network, SIZE, SIZE, batch=1).remembered
    engine_named(choice.engine)


def test_an_engine_that_is_unknown_or_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'tensorrt' is unknown; choose auto or one of "):
        engine_named("tensorrt")
    monkeypatch.setattr(ENGINES["openvino"], "needs", ("openvino", "no_such_package"))
    with pytest.raises(
        ValueError, match=r"runtime=openvino needs packages: pip install 'dyninf\[openvino\]'"
    ):
        engine_named("openvino")
