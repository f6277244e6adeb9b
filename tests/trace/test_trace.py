"""Record once, save, load, replay.

Legend: B clips, V videos, K checkpoints, N classes.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.networks import NUM_CLASSES, SIZE, labelled, random_clips, random_network, relative_difference
from tests.trace.traces import random_trace

from dyninf import Trace
from dyninf.checksum import KEY
from dyninf.grid import Network, fingerprint
from dyninf.policies import MaxProbability

# Record ----------------------------------------------------------------------------------------------


def test_a_trace_has_every_checkpoint_of_every_video_in_the_order_of_the_loader(
    small_network: Network,
) -> None:
    batches = [labelled(random_clips(b, 8, seed=b), f"batch{b}") for b in (3, 2)]
    trace = Trace.record(small_network, batches, split="clips/test", classes=list("abcde"))
    with torch.inference_mode():
        expected_VKN = torch.cat([small_network(batch.video) for batch in batches])
    assert relative_difference(trace.logits_VKN, expected_VKN) <= 1e-4
    assert trace.label_V.tolist() == [0, 1, 2, 0, 1]
    assert trace.video_ids == ("batch3-0", "batch3-1", "batch3-2", "batch2-0", "batch2-1")
    assert torch.equal(trace.macs_K, small_network.costs(SIZE, SIZE).macs_K)
    assert trace.info.network == small_network.name
    assert trace.info.fingerprint == fingerprint(small_network)
    assert trace.info.split == "clips/test"
    assert trace.info.checkpoints == tuple(checkpoint.name for checkpoint in small_network.checkpoints)
    assert trace.info.classes == ("a", "b", "c", "d", "e")


def test_classes_without_names_are_numbered(small_network: Network) -> None:
    trace = Trace.record(small_network, [labelled(random_clips(1, 8))])
    assert trace.info.classes == tuple(str(n) for n in range(NUM_CLASSES))


def test_a_network_in_training_is_recorded_in_eval_mode_and_goes_on_training() -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16)
    batches = [labelled(random_clips(3, 8))]
    expected_VKN = Trace.record(network, batches).logits_VKN
    assert not network.training
    network.train()
    assert torch.equal(Trace.record(network, batches).logits_VKN, expected_VKN)
    assert network.training


def test_a_network_goes_on_training_after_an_error() -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16).train()
    with pytest.raises(ValueError, match="not finite"):
        Trace.record(network, [labelled(random_clips(2, 8) * torch.nan)])
    assert network.training


def test_a_loader_without_videos_is_refused(small_network: Network) -> None:
    with pytest.raises(ValueError, match="no video"):
        Trace.record(small_network, [])


def test_a_video_that_comes_twice_is_refused(small_network: Network) -> None:
    batch = labelled(random_clips(2, 8))
    with pytest.raises(ValueError, match="each video once, the loader gave 2 again"):
        Trace.record(small_network, [batch, batch])


def test_videos_of_two_frame_sizes_are_refused_because_their_costs_differ(small_network: Network) -> None:
    batches = [labelled(random_clips(1, 8, size), f"size{size}") for size in (32, 48)]
    with pytest.raises(ValueError, match=r"one frame size.*\(32, 32\), \(48, 48\)"):
        Trace.record(small_network, batches)


def test_a_video_that_gives_a_nan_is_refused_by_name(small_network: Network) -> None:
    video_BTCHW = random_clips(3, 8)
    video_BTCHW[2, 4] = torch.nan
    with pytest.raises(
        ValueError, match=r"logits of video broken-2 at checkpoint \d+ \(from 0\) are not finite"
    ):
        Trace.record(small_network, [labelled(random_clips(2, 8)), labelled(video_BTCHW, "broken")])


@pytest.mark.parametrize(
    "change",
    [
        {"label_V": torch.zeros(3, dtype=torch.long)},
        {"video_ids": ("a",)},
        {"macs_K": torch.ones(2, dtype=torch.float64)},
        {"logits_VKN": torch.zeros(40, 4, 6)},
        {"logits_VKN": torch.zeros(40, 4)},
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(random_trace(), **change)


# Save and load ---------------------------------------------------------------------------------------


def check_equal(found: Trace, expected: Trace) -> None:
    assert torch.equal(found.logits_VKN, expected.logits_VKN)
    assert found.logits_VKN.dtype == expected.logits_VKN.dtype
    assert torch.equal(found.label_V, expected.label_V)
    assert found.label_V.dtype == torch.int64
    assert torch.equal(found.macs_K, expected.macs_K)
    assert found.macs_K.dtype == torch.float64
    assert found.video_ids == expected.video_ids
    assert found.info == expected.info


def test_a_trace_comes_back_from_disk_exactly(tmp_path: Path, small_network: Network) -> None:
    recorded = Trace.record(small_network, [labelled(random_clips(2, 8), 'a, "b"\nc;é ')], split="x/test")
    for i, trace in enumerate((recorded, random_trace(1, 1, 1), random_trace(30))):
        trace.save(tmp_path / str(i) / "trace")
        check_equal(Trace.load(tmp_path / str(i) / "trace"), trace)
        assert sorted(path.name for path in (tmp_path / str(i)).iterdir()) == ["trace"]


def test_saving_again_replaces_the_trace(tmp_path: Path) -> None:
    random_trace(seed=1).save(tmp_path / "trace")
    random_trace(seed=2, videos=3).save(tmp_path / "trace")
    check_equal(Trace.load(tmp_path / "trace"), random_trace(seed=2, videos=3))
    assert sorted(path.name for path in (tmp_path / "trace").iterdir()) == [
        "logits.npy",
        "trace.json",
        "videos.csv",
    ]


def test_a_save_that_fails_leaves_the_old_trace_and_nothing_else(tmp_path: Path) -> None:
    random_trace(seed=1).save(tmp_path / "trace")
    good = random_trace(seed=2)
    # The name is the last thing that is written; bytes are nothing that JSON can hold.
    broken = dataclasses.replace(good, info=dataclasses.replace(good.info, network=b"bytes"))
    with pytest.raises(TypeError):
        broken.save(tmp_path / "trace")
    check_equal(Trace.load(tmp_path / "trace"), random_trace(seed=1))
    assert [path.name for path in tmp_path.iterdir()] == ["trace"]
    with pytest.raises(TypeError):
        broken.save(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["trace"]


def rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def without_key(key: str) -> Callable[[Path], None]:
    def change(text: bytes) -> bytes:
        return json.dumps({k: v for k, v in json.loads(text).items() if k != key}).encode()

    return rewrite("trace.json", change)


def logits_of_shape(*shape: int) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / "logits.npy", np.zeros(shape, dtype=np.float32))


def changed(**facts: object) -> Callable[[Path], None]:
    return rewrite("trace.json", lambda text: json.dumps(json.loads(text) | facts).encode())


def take_checksums_away(folder: Path) -> None:
    """As in traces from before there were any, in which what reads behind them has to find damage."""
    facts = json.loads((folder / "trace.json").read_text())
    for key in (KEY, "files"):
        del facts[key]
    (folder / "trace.json").write_text(json.dumps(facts))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no logits": lambda folder: (folder / "logits.npy").unlink(),
    "no videos": lambda folder: (folder / "videos.csv").unlink(),
    "truncated logits": rewrite("logits.npy", lambda data: data[: len(data) // 2]),
    "truncated header of logits": rewrite("logits.npy", lambda data: data[:20]),
    "empty logits": rewrite("logits.npy", lambda data: b""),
    "text as logits": rewrite("logits.npy", lambda data: b"no array"),
    "half a zip as logits": rewrite("logits.npy", lambda data: b"PK\x03\x04" + data),
    "logits of objects": lambda folder: np.save(
        folder / "logits.npy", np.array([None, "x"]), allow_pickle=True
    ),
    "logits of fewer videos": logits_of_shape(39, 4, 7),
    "logits of fewer classes": logits_of_shape(40, 4, 6),
    "logits without videos": logits_of_shape(4, 7),
    "broken json": rewrite("trace.json", lambda text: text[:-10]),
    "empty json": rewrite("trace.json", lambda text: b""),
    "json null": rewrite("trace.json", lambda text: b"null"),
    "json list": rewrite("trace.json", lambda text: b"[1, 2]"),
    "json text": rewrite("trace.json", lambda text: b'"trace"'),
    "no costs": without_key("macs"),
    "no classes": without_key("classes"),
    "no fingerprint": without_key("fingerprint"),
    "unknown entry": rewrite("trace.json", lambda text: text.replace(b'"split"', b'"part"')),
    "costs in words": changed(macs=list("abcd")),
    "one cost": changed(macs=True),
    "binary table": rewrite("videos.csv", lambda text: bytes(range(256))),
    "empty table": rewrite("videos.csv", lambda text: b""),
    "no label column": rewrite("videos.csv", lambda text: text.replace(b"label", b"class", 1)),
    "a label in words": rewrite("videos.csv", lambda text: text + b"one-more,first\n"),
    "a row without label": rewrite("videos.csv", lambda text: text + b"one-more\n"),
    "half a table": rewrite("videos.csv", lambda text: text[: len(text) // 2]),
}


@pytest.mark.parametrize("checksums", [True, False], ids=["with checksums", "without checksums"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_trace_is_one_clear_error(
    tmp_path: Path, damage: Callable[[Path], None], checksums: bool
) -> None:
    random_trace().save(tmp_path / "trace")
    if not checksums:
        take_checksums_away(tmp_path / "trace")
        Trace.load(tmp_path / "trace")
    damage(tmp_path / "trace")
    with pytest.raises(ValueError, match=r"the trace at .*trace is damaged: ."):
        Trace.load(tmp_path / "trace")


def test_a_folder_without_a_trace_is_not_found_and_those_below_it_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no trace at .*nowhere \(trace.json is missing\)$"):
        Trace.load(tmp_path / "nowhere")
    random_trace().save(tmp_path / "test")
    random_trace().save(tmp_path / "calibration")
    with pytest.raises(FileNotFoundError, match="there are traces below it: calibration, test"):
        Trace.load(tmp_path)


def test_a_trace_knows_its_network(small_network: Network) -> None:
    trace = Trace.record(small_network, [labelled(random_clips(1, 8))], split="clips/test")
    trace.check_same_network(small_network)
    trace.check_same_network(Trace.record(small_network, [labelled(random_clips(2, 8, seed=5))]))
    other = random_network("resnet_small", "joint", 8, seed=1, width=8, head_width=16)
    with pytest.raises(ValueError, match=rf"clips/test is of another network.*{fingerprint(other)}"):
        trace.check_same_network(other)
    with pytest.raises(ValueError, match=r"another network.*random-network with 0123456789abcdef"):
        trace.check_same_network(random_trace())


# Replay ----------------------------------------------------------------------------------------------


def replayed_slowly(trace: Trace, thresholds: list[float]) -> tuple[list[int], list[int]]:
    """Where each video stops and what it is taken for, video by video and checkpoint by checkpoint."""
    checkpoints, predicted = [], []
    for logits_KN in trace.logits_VKN:
        for k, logits_N in enumerate(logits_KN):
            exp_N = logits_N.double().exp()
            if k == len(logits_KN) - 1 or (exp_N.max() / exp_N.sum()).item() >= thresholds[k]:
                checkpoints.append(k)
                predicted.append(int(logits_N.argmax()))
                break
    return checkpoints, predicted


@given(st.integers(1, 30), st.integers(1, 5), st.integers(2, 8), st.integers(0, 1000), st.data())
def test_a_replay_is_what_going_video_by_video_gives(
    V: int, K: int, N: int, seed: int, data: st.DataObject
) -> None:
    trace = random_trace(V, K, N, seed)
    thresholds = data.draw(st.lists(st.floats(0, 1.1), min_size=K, max_size=K))
    checkpoints, predicted = replayed_slowly(trace, thresholds)
    outcome = trace.replay(MaxProbability(thresholds))
    assert outcome.checkpoint_V.tolist() == checkpoints
    assert outcome.predicted_V.tolist() == predicted
    right = [p == label for p, label in zip(predicted, trace.label_V.tolist(), strict=True)]
    assert outcome.top1 == pytest.approx(sum(right) / V)
    assert outcome.mean_macs == pytest.approx(sum(trace.macs_K[k].item() for k in checkpoints) / V)
    assert outcome.exit_share_K.tolist() == pytest.approx([checkpoints.count(k) / V for k in range(K)])


def test_a_replay_of_many_videos_does_not_depend_on_its_chunks() -> None:
    trace = random_trace(2500, 3, 6)
    checkpoints, predicted = replayed_slowly(trace, [0.5, 0.6])
    outcome = trace.replay(MaxProbability([0.5, 0.6]))
    assert len(set(checkpoints)) == 3
    assert outcome.checkpoint_V.tolist() == checkpoints
    assert outcome.predicted_V.tolist() == predicted


def test_the_extremes_are_the_first_and_the_last_checkpoint() -> None:
    trace = random_trace()
    assert trace.replay(MaxProbability(0.0)).exit_share_K.tolist() == [1, 0, 0, 0]
    assert trace.replay(MaxProbability(1.0001)).exit_share_K.tolist() == [0, 0, 0, 1]
    assert trace.full().mean_macs == trace.macs_K[-1].item()
    assert trace.full().top1 == trace.replay(MaxProbability(2.0)).top1


def test_full_inference_has_the_accuracy_of_the_last_checkpoint() -> None:
    trace = random_trace()
    ranked_VN = trace.logits_VKN[:, -1].argsort(descending=True)
    assert trace.full().top1 == (ranked_VN[:, 0] == trace.label_V).double().mean().item()
    assert trace.full().top5 == (ranked_VN[:, :5] == trace.label_V[:, None]).any(1).double().mean().item()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_never_replayed(value: float) -> None:
    trace = random_trace(1500)
    trace.logits_VKN[1200, 3, 0] = value
    for compute in (
        lambda: trace.replay(MaxProbability(0.0)),
        trace.full,
        lambda: trace.scores(MaxProbability()),
    ):
        with pytest.raises(ValueError, match=r"video-1200 at checkpoint 3 \(from 0\) are not finite"):
            compute()


def test_thresholds_of_another_number_of_checkpoints_are_refused() -> None:
    with pytest.raises(ValueError, match="6 thresholds for 4 checkpoints"):
        random_trace().replay(MaxProbability([0.5] * 6))


def test_a_trace_does_not_take_the_place_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        random_trace(5).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
