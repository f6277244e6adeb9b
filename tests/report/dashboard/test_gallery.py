"""Videos of a report: which are chosen, and where a network looks.

Legend: T frames, K checkpoints.
"""

import pytest
import torch
from tests.networks import random_network
from tests.trace.traces import random_trace

from dyninf.grid import Network
from dyninf.policies import MaxProbability, RandomExit
from dyninf.report.dashboard.gallery import _groups_seen, _story, chosen_videos
from dyninf.report.dashboard.grad_cam import grad_cam


def test_right_and_wrong_videos_are_chosen_where_any_left() -> None:
    trace, policy = random_trace(200, 5), MaxProbability(0.5)
    exit_V = trace.replay(policy).checkpoint_V
    chosen = list(chosen_videos(trace, policy, 2))
    assert len(chosen) == len(set(chosen)) == 12
    used = exit_V.unique().tolist()
    assert [k for _, k in chosen[::4]] == [used[0], used[len(used) // 2], used[-1]]
    for v, k in chosen:
        assert exit_V[v] == k
    right = [bool(trace.right_VK[v, k]) for v, k in chosen]
    assert right == [True, True, False, False] * 3


def test_all_videos_leaving_at_one_checkpoint_are_one_kind() -> None:
    chosen = list(chosen_videos(random_trace(30, 3), MaxProbability(0.0), 1))
    assert [k for _, k in chosen] == [0, 0]


@pytest.mark.parametrize(
    ("backbone", "scheme"),
    [
        *(("resnet_small", scheme) for scheme in ("depth", "input", "joint")),
        ("msdnet_small", "joint"),
        ("mobilenet_v2", "joint"),
    ],
)
def test_a_network_looks_at_frames_that_its_head_has_averaged(backbone: str, scheme: str) -> None:
    network = random_network(backbone, scheme, 4)
    video_TCHW = torch.randn(network.num_frames, 3, 64, 64)
    with torch.no_grad():
        before_1KN = network(video_TCHW[None])
    for k, checkpoint in enumerate(network.checkpoints):
        cam_THW = grad_cam(network, video_TCHW, k, 1)
        assert cam_THW.min() >= 0
        assert cam_THW.max() == 1 or (cam_THW == 0).all()
        read = frames_read(network, k)
        assert len(read) == checkpoint.frames
        unread = [t for t in range(network.num_frames) if t not in read]
        assert (cam_THW[unread] == 0).all()
    with torch.no_grad():  # nothing of it stays in the network
        assert torch.equal(network(video_TCHW[None]), before_1KN)
    assert type(network.backbone).__module__.startswith("dyninf.backbones")


def frames_read(network: Network, k: int) -> set[int]:
    cell = network.checkpoints[k].cell
    groups = network.route.groups_at(cell.stage)
    seen = groups[: groups.index(cell.group) + 1]
    return {frame for group in seen for frame in network.permutation[group - 1]}


def test_a_network_looks_where_the_class_is() -> None:
    """A network that pools one channel of its input looks where that channel is bright."""
    network = random_network("resnet_small", "depth", 4)
    video_TCHW = torch.randn(network.num_frames, 3, 64, 64)
    maps: list[torch.Tensor] = []
    network.backbone.avgpool.register_forward_pre_hook(lambda _, given: maps.append(given[0]))
    k, label = len(network.checkpoints) - 1, 2
    with torch.no_grad():  # a class that one channel of the last map speaks for
        network(video_TCHW[None])
        channel = maps[-1].amax((0, 2, 3)).argmax()
        weight_NF = network.backbone.classifier_of(network.checkpoints[k].cell.stage).weight
        weight_NF[label] = 0
        weight_NF[label, channel] = 1
    cam_THW = grad_cam(network, video_TCHW, k, label)
    channel_THW = maps[-1][:, channel].detach()
    order = [frame for group in network.permutation for frame in group]
    expected = torch.zeros_like(channel_THW)
    expected[order] = channel_THW
    assert expected.max() > 0
    assert torch.allclose(cam_THW, expected / expected.max(), atol=1e-5)


def test_frames_are_seen_where_their_group_was_visited() -> None:
    network = random_network(
        "resnet_small",
        "joint",
        4,
        groups=2,
        staircase=[[0, 4], [4, 4]],
        shift="none",
        checkpoints=[[2, 4], [1, 4]],
    )
    assert _groups_seen(network, network.checkpoints[0]) == {2}
    assert _groups_seen(network, network.checkpoints[1]) == {1, 2}


def test_a_video_left_since_its_score_reached_the_threshold() -> None:
    trace, policy = random_trace(80, 3), RandomExit(shares=[0.4, 0.3, 0.3])
    scores_VK, exit_V = trace.scores(policy), trace.replay(policy).checkpoint_V.tolist()
    for v, k in chosen_videos(trace, policy, 2):
        story = _story(trace, policy, scores_VK[v], v, k)
        assert exit_V[v] == story["exit"] == k
        assert all(story["score"][j] < story["thresholds"][j] for j in range(k))
        assert story["thresholds"][k] is None or story["score"][k] >= story["thresholds"][k]
