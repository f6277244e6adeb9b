"""A policy with its thresholds in a file, and what it holds for."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.files import held_in
from tests.networks import labelled, random_clips, random_network
from tests.policies.criteria import CRITERIA as ONE_OF_EACH
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability, Policy, RandomExit
from dyninf.trace import CRITERIA, FittedPolicy, Milliseconds, Promise, Trace, calibrate


def calibration_trace(videos: int = 60, seed: int = 1) -> Trace:
    """Of the network of `random_trace`, on another split."""
    trace = random_trace(videos, seed=seed, gates=True)
    return replace(trace, info=replace(trace.info, split="random/calibration@0123"))


def fitted(policy: Policy | None = None) -> FittedPolicy:
    trace, promise = calibration_trace(), Promise(budget="60%", solver="direct")
    return FittedPolicy.of(calibrate(trace, policy or MaxProbability(), promise), trace, promise)


def changed(path: Path, **changes: object) -> Path:
    """A file in which some entries differ; those that are ... are missing."""
    facts = held_in(path) | changes
    other = path.with_name("changed.json")
    other.write_text(json.dumps({key: value for key, value in facts.items() if value is not ...}))
    return other


@pytest.fixture
def file(tmp_path: Path) -> Path:
    fitted().save(tmp_path / "policy.json")
    return tmp_path / "policy.json"


def test_every_criterion_can_be_named_and_only_criteria_can() -> None:
    assert set(CRITERIA) >= {type(policy).__name__ for policy in ONE_OF_EACH.values()}
    assert "Policy" not in CRITERIA
    assert all(issubclass(kind, Policy) for kind in CRITERIA.values())


@pytest.mark.parametrize("policy", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
@pytest.mark.parametrize("solver", ["single", "direct"])
def test_a_policy_read_from_a_file_does_what_the_one_written_did(
    policy: Policy, solver: str, tmp_path: Path
) -> None:
    trace, test, promise = calibration_trace(), random_trace(gates=True), Promise(budget="60%", solver=solver)
    written = FittedPolicy.of(calibrate(trace, policy, promise), trace, promise)
    written.save(tmp_path / "policy.json")
    read = FittedPolicy.load(tmp_path / "policy.json")
    assert type(read.policy) is type(policy)
    assert read.policy.threshold == written.policy.threshold
    assert replace(read, policy=policy) == replace(written, policy=policy)
    read.check_fits(test, test.info.split)
    assert torch.equal(test.replay(read.policy).checkpoint_V, test.replay(written.policy).checkpoint_V)


def test_a_file_says_what_was_promised_where_it_was_fitted_and_for_which_network(file: Path) -> None:
    facts = held_in(file)
    assert facts["criterion"] == "MaxProbability"
    assert facts["promise"]["budget"] == "60%"
    assert facts["promise"]["unit"] == "%"
    assert facts["promise"]["says"] == "the most accurate on calibration for at most 60%"
    assert facts["fitted_on"] == "random/calibration@0123"
    assert (facts["network"], facts["fingerprint"]) == ("random-network", "0123456789abcdef")
    assert facts["checkpoints"] == ["1f-res5", "2f-res5", "3f-res5", "4f-res5"]
    assert facts["created"].endswith("+00:00")
    assert facts["dyninf"].count(".") == 2


def test_a_budget_in_milliseconds_is_kept_with_its_table(tmp_path: Path) -> None:
    trace, promise = calibration_trace(), Promise(budget="3ms")
    table = Milliseconds(
        trace.info.network,
        trace.info.checkpoints,
        tuple(trace.macs_K.tolist()),
        (1.0, 2.0, 4.0, 8.0),
        "clock",
        9,
    )
    policy = calibrate(trace, MaxProbability(), promise, milliseconds=table)
    FittedPolicy.of(policy, trace, promise, table).save(tmp_path / "policy.json")
    kept = FittedPolicy.load(tmp_path / "policy.json").promise
    assert (kept["unit"], kept["device"], kept["milliseconds"]) == ("ms", "clock", [1, 2, 4, 8])


def test_the_arguments_of_a_criterion_are_kept(tmp_path: Path) -> None:
    FittedPolicy.of(RandomExit(seed=7, threshold=0.5), random_trace()).save(tmp_path / "policy.json")
    assert FittedPolicy.load(tmp_path / "policy.json").policy.seed == 7


def test_given_thresholds_have_no_promise_and_no_split(tmp_path: Path) -> None:
    FittedPolicy.of(MaxProbability(0.7), random_trace()).save(tmp_path / "policy.json")
    read = FittedPolicy.load(tmp_path / "policy.json")
    assert (read.promise, read.split, read.policy.threshold) == (None, None, 0.7)
    read.check_fits(random_trace(), "random/test")


def test_infinite_thresholds_become_finite_ones_that_do_the_same(tmp_path: Path) -> None:
    policy, trace = MaxProbability([-torch.inf, torch.inf, 0.5]), random_trace()
    FittedPolicy.of(policy, trace).save(tmp_path / "policy.json")
    read = FittedPolicy.load(tmp_path / "policy.json").policy
    assert read.threshold == [-1, 2, 0.5]
    assert torch.equal(trace.replay(read).checkpoint_V, trace.replay(policy).checkpoint_V)


def test_a_policy_without_thresholds_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no threshold yet"):
        FittedPolicy.of(MaxProbability(), random_trace()).save(tmp_path / "policy.json")
    assert list(tmp_path.iterdir()) == []


def test_another_network_another_number_of_checkpoints_and_the_split_it_was_fitted_on_are_refused() -> None:
    policy, trace = fitted(), random_trace()
    other = replace(trace, info=replace(trace.info, fingerprint="f" * 16))
    with pytest.raises(
        ValueError, match=r"another network: .* 0123456789abcdef, this is .* ffffffffffffffff"
    ):
        policy.check_fits(other, "random/test")
    with pytest.raises(ValueError, match="for 4 checkpoints of random-network, random-network has 6"):
        policy.check_fits(random_trace(checkpoints=6), "random/test")
    for split in ("random/calibration@0123", "random/calibration@other-views", "random/calibration"):
        with pytest.raises(ValueError, match="fitted on the split that is reported"):
            policy.check_fits(trace, split)


def test_a_file_fits_the_very_network_that_its_trace_is_of_and_no_other_weights() -> None:
    network = random_network("resnet_small", "depth", 4)
    trace = Trace.record(network, [labelled(random_clips(5, 4))], split="random/calibration")
    policy = FittedPolicy.of(MaxProbability(0.5), trace)
    policy.check_fits(network, "random/test")
    with pytest.raises(ValueError, match="for another network: resnet_small-depth-4f"):
        policy.check_fits(random_network("resnet_small", "depth", 4, seed=1), "random/test")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"criterion": "Popen"}, "criterion 'Popen' is unknown; there are Entropy, "),
        ({"criterion": "Policy"}, "criterion 'Policy' is unknown"),
        ({"criterion": ["MaxProbability"]}, "unhashable"),
        ({"arguments": {"shell": True}}, "unexpected keyword argument 'shell'"),
        ({"arguments": [1]}, "no names with values"),
        ({"threshold": [0.5]}, "1 thresholds for 4 checkpoints"),
        ({"threshold": None}, "no threshold yet"),
        ({"threshold": "high"}, "is not a number"),
        ({"threshold": float("inf")}, "is not finite"),
        ({"threshold": float("nan")}, "is not a number"),
        ({"threshold": ...}, "it has no 'threshold'"),
        ({"fingerprint": ...}, "it has no 'fingerprint'"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name_and_the_reason(
    changes: dict[str, object], said: str, file: Path
) -> None:
    path = changed(file, **changes)
    with pytest.raises(ValueError, match=said) as found:
        FittedPolicy.load(path)
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff\xfe", b'{"criterion": "MaxProb'])
def test_what_is_no_policy_file_is_refused_with_its_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"policy\.json is no policy file, or a damaged one"):
        FittedPolicy.load(tmp_path / "policy.json")


def test_a_file_that_is_not_there_says_where_runs_leave_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a run leaves policy\.json in its folder"):
        FittedPolicy.load(tmp_path)
