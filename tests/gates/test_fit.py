"""What gates learn from, and that they learn it.

Legend: B clips, Q views, V clips of a split, K checkpoints, N classes, X inputs of a gate.
"""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.networks import Labelled, labelled, random_clips, random_network
from torch import Tensor
from torch.nn.functional import cross_entropy

from dyninf import Trace, build_network
from dyninf.gates import (
    GateExamples,
    Recipe,
    fit_gates,
    fit_to_examples,
    pseudo_labels,
    record_examples,
    separation,
)
from dyninf.grid import Network, gate_inputs
from dyninf.policies import LearnedGate

SMALL = {"num_frames": 4, "width": 8, "head_width": 16}


def small(**overrides: object) -> Network:
    return random_network("resnet_small", "joint", **(SMALL | overrides))


def batches(number: int, seed: int = 0) -> list[Labelled]:
    return [labelled(random_clips(8, 4, seed=seed + i), f"batch{i}") for i in range(number)]


def learnable(network: Network, clips: int, seed: int) -> GateExamples:
    """Random inputs; stopping at checkpoint k is right where the sum of two features is above a number."""
    draw = torch.Generator().manual_seed(seed)
    K = len(network.checkpoints)
    widths = [network.backbone.classifier_of(place.cell.stage).in_features for place in network.checkpoints]
    features = [5 + 3 * torch.randn(clips, width, generator=draw) for width in widths[:-1]]
    logits_VN = torch.randn(clips, 5, generator=draw)
    loss_VK = torch.ones(clips, K)
    for k, features_VF in enumerate(features):
        loss_VK[features_VF[:, 0] + features_VF[:, 1] < 8 + k / 2, k] = 2.0
    inputs = tuple(gate_inputs(features_VF, logits_VN) for features_VF in features)
    return GateExamples(inputs, loss_VK, loss_VK <= 1)


# What gates learn from -------------------------------------------------------------------------------


def test_examples_are_what_gates_and_classifiers_see(small_network: Network) -> None:
    loader = [labelled(random_clips(3, 8), "one"), labelled(random_clips(2, 8, seed=2), "two")]
    examples = record_examples(small_network, loader)
    trace = Trace.record(small_network, loader)
    assert len(examples) == 5
    assert len(examples.inputs) == len(small_network.checkpoints) - 1
    assert torch.equal(examples.right_VK, trace.right_VK)
    losses = [cross_entropy(trace.logits_VKN[:, k], trace.label_V, reduction="none") for k in range(12)]
    torch.testing.assert_close(examples.loss_VK, torch.stack(losses, 1))
    with torch.inference_mode():
        for k, place in enumerate(small_network.states(torch.cat([batch.video for batch in loader]))):
            if k < 11:
                inputs_VX = gate_inputs(small_network.features_at(*place), small_network.predict(*place))
                torch.testing.assert_close(examples.inputs[k], inputs_VX, rtol=1e-4, atol=1e-5)


def test_each_view_of_a_video_is_an_example_with_its_label(small_network: Network) -> None:
    video_BTCHW = random_clips(6, 8)
    label_B = torch.tensor([3, 1])
    viewed = record_examples(small_network, [Labelled(video_BTCHW.unflatten(0, (2, 3)), label_B, ["a", "b"])])
    single = record_examples(
        small_network, [Labelled(video_BTCHW, label_B.repeat_interleave(3), list("abcdef"))]
    )
    torch.testing.assert_close(viewed.loss_VK, single.loss_VK)
    assert torch.equal(viewed.right_VK, single.right_VK)


def test_stopping_is_right_where_the_rule_says(small_network: Network) -> None:
    loss_VK = torch.tensor([[0.2, 0.9, 1.0], [0.5, 0.8, 0.1], [3.0, 1.2, 0.95]])
    right_VK = torch.tensor([[True, False, True], [False, True, True], [False, False, False]])
    examples = GateExamples((), loss_VK, right_VK)
    near = pseudo_labels(examples, "near_last", 0.3, 5.0)
    assert near.tolist() == [[True, True], [False, False], [False, True]]
    low = pseudo_labels(examples, "low_loss", 0.5, 2 * math.log(2))  # at most 0.5, then 1, then 2
    assert low.tolist() == [[True, True], [True, True], [False, False]]
    no_gain = pseudo_labels(examples, "no_gain", 0.3, 5.0)
    assert no_gain.tolist() == [[True, False], [False, True], [True, True]]


# Fitting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_gates_learn_what_their_inputs_tell_and_hold_on_other_clips(balance: float) -> None:
    network = small()
    fits = fit_to_examples(network, learnable(network, 600, seed=1), Recipe(balance=balance))
    unseen = learnable(network, 400, seed=2)
    good_VK = unseen.right_VK[:, :-1]
    assert [fit.checkpoint for fit in fits] == [place.name for place in network.checkpoints[:-1]]
    for k, (gate, fit) in enumerate(zip(network.gates, fits, strict=True)):
        with torch.inference_mode():
            odds_V = gate(unseen.inputs[k])
        assert separation(odds_V, good_VK[:, k]) > 0.9
        assert fit.separation > 0.9
        assert fit.right_to_stop == pytest.approx(good_VK[:, k].double().mean().item(), abs=0.1)
        if balance == 0:  # scores are probabilities
            assert odds_V.sigmoid().mean().item() == pytest.approx(fit.right_to_stop, abs=0.08)


def test_gates_that_can_learn_nothing_say_how_often_stopping_is_right() -> None:
    network = small()
    examples = learnable(network, 300, seed=1)
    shuffled = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    chance = GateExamples(examples.inputs, examples.loss_VK[shuffled], examples.right_VK[shuffled])
    for k, fit in enumerate(fit_to_examples(network, chance, Recipe())):
        assert 0.3 < fit.separation < 0.7
        with torch.inference_mode():
            score_V = network.gates[k](examples.inputs[k]).sigmoid()
        assert (score_V - fit.right_to_stop).abs().mean() < 0.15  # the best epoch comes early


def test_answers_that_are_all_of_one_kind_give_gates_that_say_so() -> None:
    network = small()
    examples = learnable(network, 40, seed=1)
    for right, expected in ((1.0, 1.0), (3.0, 0.0)):
        same = dataclasses.replace(examples, loss_VK=torch.ones_like(examples.loss_VK))
        same.loss_VK[:, :-1] = right
        fits = fit_to_examples(network, same, Recipe())
        assert {(fit.right_to_stop, fit.separation) for fit in fits} == {(expected, None)}
        with torch.inference_mode():
            score_V = network.gates[0](examples.inputs[0]).sigmoid()
        assert (score_V - expected).abs().max() < 0.05


def test_gates_of_a_network_tell_its_right_answers_better_than_chance() -> None:
    network = small()
    # The labels are the last checkpoint's classes: an earlier answer is right where it agrees already.
    loader = []
    for i in range(12):
        video_BTCHW = random_clips(16, 4, seed=10 + i)
        with torch.inference_mode():
            label_B = network(video_BTCHW)[:, -1].argmax(-1)
        loader.append(Labelled(video_BTCHW, label_B, [f"{i}-{b}" for b in range(16)]))
    fit_gates(network, loader[:8], Recipe(rule="no_gain", epochs=20))
    trace = Trace.record(network, loader[8:])
    scores_VK = trace.scores(LearnedGate())
    found = [separation(scores_VK[:, k], trace.right_VK[:, k]) for k in range(scores_VK.shape[1] - 1)]
    found = [value for value in found if value is not None]
    assert sum(found) / len(found) > 0.6


def test_fitting_changes_nothing_but_the_gates_and_a_seed_says_all() -> None:
    networks = [small() for _ in range(3)]
    before = {name: tensor.clone() for name, tensor in networks[0].state_dict().items()}
    for network, seed in zip(networks, (0, 0, 1), strict=True):
        torch.manual_seed(torch.seed() % 1000)
        state = torch.get_rng_state()
        fit_gates(network, batches(3), Recipe(seed=seed, epochs=3))
        assert torch.equal(torch.get_rng_state(), state)  # the rest of a program draws as before
    first, again, other = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], tensor) for name, tensor in before.items())
    assert all(torch.equal(first[name], tensor) for name, tensor in again.items())
    assert any(not torch.equal(first[name], tensor) for name, tensor in other.items())
    assert not networks[0].training


def test_gates_are_fitted_anew_to_a_network_that_has_some() -> None:
    network, fresh = small(gates=4), small()
    for one in (network, fresh):
        fit_gates(one, batches(2), Recipe(epochs=2))
    assert network.gates.width == 32
    found, expected = network.gates.state_dict(), fresh.gates.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


# Separation ------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=20))
def test_separation_counts_pairs(clips: list[tuple[int, bool]]) -> None:
    score_V = torch.tensor([float(score) for score, _ in clips])
    good_V = torch.tensor([good for _, good in clips])
    pairs = [(a, b) for a, good in clips if good for b, other in clips if not other]
    found = separation(score_V, good_V)
    if not pairs:
        assert found is None
    else:
        assert found == pytest.approx(sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs))


# What is refused -------------------------------------------------------------------------------------


def broken(video_BTCHW: Tensor) -> Tensor:
    video_BTCHW[1] = torch.nan
    return video_BTCHW


def test_what_gates_cannot_be_fitted_to_is_refused() -> None:
    network = small()
    for loader, said in (
        ([], "the loader is empty"),
        ([labelled(random_clips(1, 4))], "single clip; give 2 or more"),
        ([labelled(broken(random_clips(2, 4)))], "features or logits of a clip are not finite"),
    ):
        with pytest.raises(ValueError, match=said):
            fit_gates(network, loader)
    assert network.gates is None
    with pytest.raises(ValueError, match="plain-4f has one checkpoint alone"):
        fit_gates(build_network("resnet_small", "plain", 5, 4), batches(1))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rule": "best"}, "rule must be one of near_last, low_loss, no_gain; got 'best'"),
        ({"width": 0}, "width must be a whole number of at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"epsilon": math.inf}, "epsilon must be a number from 0"),
        ({"held_out": 1.0}, "held_out must be a number from 0 to 0.9, got 1.0"),
        ({"balance": "yes"}, "balance must be a number from 0 to 1, got 'yes'"),
        ({"learning_rate": math.nan}, "learning_rate must be a number"),
        ({"weight_decay": True}, "weight_decay must be a number"),
    ],
)
def test_a_recipe_out_of_range_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Recipe(**wrong)
