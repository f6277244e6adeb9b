"""Gates at the checkpoints: what they see, what they cost, and that a network without them is as before.

Legend: B clips, Q views, F features of a head, K checkpoints, N classes.
"""

import copy

import pytest
import torch
from tests.networks import random_clips, random_network

from dyninf import build_network
from dyninf.grid import Network, fingerprint, gate_inputs, video_answers


def gated(**overrides: object) -> Network:
    return random_network("resnet_small", "joint", 8, gates=16, width=8, head_width=16, **overrides)


def test_a_network_without_gates_has_their_weights_and_costs_nowhere(small_network: Network) -> None:
    other = copy.deepcopy(small_network)
    other.attach_gates(16)
    assert not [name for name in small_network.state_dict() if "gate" in name]
    assert small_network.costs(32, 32).gates == {}
    assert [*other.state_dict()][: len(small_network.state_dict())] == [*small_network.state_dict()]
    logits_BKN, gate_BK = video_answers(small_network, random_clips(2, 8))
    assert gate_BK is None
    assert torch.equal(logits_BKN, video_answers(other, random_clips(2, 8))[0])


def test_gates_change_the_fingerprint_and_the_costs_at_once() -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16)
    before, cheap_K = fingerprint(network), network.costs(32, 32).macs_K
    network.attach_gates(16)
    fresh, dear_K = fingerprint(network), network.costs(32, 32).macs_K
    assert fresh != before
    features = [network.backbone.classifier_of(place.cell.stage).in_features for place in network.checkpoints]
    expected = [(width + 6) * 16 + 16 for width in features[:-1]]  # 5 probabilities and the entropy
    assert (dear_K - cheap_K).tolist() == [*torch.tensor(expected).cumsum(0), sum(expected)]
    with torch.no_grad():
        network.gates[3].output.bias += 1e-3
    assert fingerprint(network) not in (before, fresh)


def test_the_gates_of_one_pass_are_those_of_the_walk() -> None:
    network, video_BTCHW = gated(), random_clips(3, 8)
    with torch.inference_mode():
        logits_BKN, gate_BK = video_answers(network, video_BTCHW)
        alone = [video_answers(network, video_BTCHW[b : b + 1])[1] for b in range(3)]
        found = [network.gate(*place, network.predict(*place)) for place in network.states(video_BTCHW)]
    assert gate_BK.shape == logits_BKN.shape[:2]
    assert gate_BK.dtype == torch.float64
    assert ((gate_BK[:, :-1] > 0) & (gate_BK[:, :-1] < 1)).all()
    assert gate_BK[:, -1].tolist() == [1.0] * 3  # the last accepts all and has no gate
    torch.testing.assert_close(torch.stack(found, 1), gate_BK)
    torch.testing.assert_close(torch.cat(alone), gate_BK, rtol=0, atol=1e-5)


def test_a_gate_of_several_views_is_the_mean_of_theirs() -> None:
    network, video_BQTCHW = gated(), random_clips(6, 8).unflatten(0, (2, 3))
    with torch.inference_mode():
        _, gate_BK = video_answers(network, video_BQTCHW)
        _, each_BK = video_answers(network, video_BQTCHW.flatten(0, 1))
    torch.testing.assert_close(gate_BK, each_BK.unflatten(0, (2, 3)).mean(1))


def test_a_gate_sees_features_probabilities_and_entropy() -> None:
    logits_BN = torch.tensor([[0.0, 3.0, 1.0], [500.0, 0.0, -500.0]])
    inputs_BX = gate_inputs(torch.ones(2, 4), logits_BN)
    assert inputs_BX.shape == (2, 4 + 6)
    assert inputs_BX[:, :4].tolist() == [[1] * 4] * 2
    log_BN = logits_BN.log_softmax(-1)
    torch.testing.assert_close(inputs_BX[0, 4:7], log_BN[0, [1, 2, 0]])
    assert inputs_BX[1, 4:].tolist() == [0, -20, -20, 0, 0, pytest.approx(0, abs=1e-6)]
    assert inputs_BX[0, -1].item() == pytest.approx(-(log_BN.exp() * log_BN).sum(-1)[0].item())
    assert torch.equal(gate_inputs(torch.ones(2, 4), logits_BN + 7), inputs_BX)


def test_gates_of_another_width_take_the_place_of_those_there_are() -> None:
    network = gated()
    network.attach_gates(4)
    assert network.gates.width == 4
    assert {gate.hidden.out_features for gate in network.gates} == {4}


def test_gates_where_there_can_be_none_and_scores_of_none_are_refused(small_network: Network) -> None:
    with pytest.raises(ValueError, match="resnet_small-plain-4f has one checkpoint alone"):
        build_network("resnet_small", "plain", 5, 4).attach_gates(16)
    place = next(small_network.states(random_clips(1, 8)))
    with pytest.raises(ValueError, match="resnet_small-joint-8f has no gates"):
        small_network.gate(*place, small_network.predict(*place))
    with pytest.raises(ValueError, match="need clips of shape"):
        next(small_network.states(torch.zeros(1, 3, 3, 32, 32)))
