"""A watched clip leaves where `infer` says, and reads no frame before it is due.

Legend: B clips, T frames, K checkpoints, N classes.
"""

import pytest
import torch
from tests.networks import random_clips, random_network, relative_difference, thresholds_that_split
from tests.runtime.clips import MemoryClip, broken

from dyninf import infer
from dyninf.grid import Network
from dyninf.policies import Evidence, LearnedGate, LogitsNotFiniteError, MaxProbability, Patience, RandomExit
from dyninf.runtime import Decoded, Judged, Ran, watch


@pytest.mark.parametrize("kind", [MaxProbability, Patience, LearnedGate, RandomExit])
def test_it_leaves_where_infer_says_and_goes_on_to_full_inference(small_network: Network, kind: type) -> None:
    network = (
        small_network if kind is not LearnedGate else random_network("resnet_small", "joint", 4, gates=16)
    )
    video_BTCHW = random_clips(6, network.num_frames)
    with torch.inference_mode():
        logits_BKN = network(video_BTCHW)
        places = list(network.states(video_BTCHW))
        gate_BK = None
        if network.gates is not None:
            gates = [
                network.gate(*place, logits_BN)
                for place, logits_BN in zip(places, logits_BKN.unbind(1), strict=True)
            ]
            gate_BK = torch.stack(gates, 1)
    evidence = Evidence(logits_BKN, None, torch.arange(6), gate_BK)
    policy = kind(threshold=thresholds_that_split(kind().scores(evidence)))
    expected = infer(network, video_BTCHW, policy)
    assert len(set(expected.checkpoint_B.tolist())) > 1
    for b, video_TCHW in enumerate(video_BTCHW):
        happened = list(watch(network, policy, MemoryClip(network, video_TCHW), b))
        judged = [event for event in happened if isinstance(event, Judged)]
        assert [event.checkpoint for event in judged] == list(range(len(network.checkpoints)))
        [left] = [event for event in judged if event.leaves]
        assert left.checkpoint == expected.checkpoint_B[b]
        assert relative_difference(left.logits_N, expected.logits_BN[b]) <= 1e-4
        assert relative_difference(judged[-1].logits_N, logits_BKN[b, -1]) <= 1e-4
        assert [event.cell for event in happened if isinstance(event, Ran)] == list(network.route.cells)


def test_a_group_is_read_when_its_first_cell_is_due(small_network: Network) -> None:
    clip = MemoryClip(small_network, random_clips(1, small_network.num_frames)[0])
    run: list[int] = []
    for happened in watch(small_network, MaxProbability(0.5), clip):
        if isinstance(happened, Decoded):
            assert clip.asked[-1] == happened.group
            assert len(happened.frames_tCHW) == small_network.group_size
        elif isinstance(happened, Ran):
            run.append(happened.cell.group)
            assert max(run) == max(clip.asked)
    assert clip.asked == [1, 2, 3, 4]
    assert clip.closed == 0


def test_what_cannot_be_watched_is_refused(small_network: Network) -> None:
    video_TCHW = random_clips(1, small_network.num_frames)[0]
    with pytest.raises(ValueError, match="3 thresholds for 12 checkpoints"):
        watch(small_network, MaxProbability([0.5] * 3), MemoryClip(small_network, video_TCHW))
    with pytest.raises(LogitsNotFiniteError):
        list(watch(small_network, MaxProbability(0.5), MemoryClip(small_network, broken(video_TCHW))))
    small_network.train()
    try:
        with pytest.raises(ValueError, match="training mode"):
            watch(small_network, MaxProbability(0.5), MemoryClip(small_network, video_TCHW))
    finally:
        small_network.eval()
