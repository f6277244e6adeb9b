"""An exported folder is the network with its policy, and anything wrong with it is said in one line.

Legend: B clips, T frames, C, H, W, V videos, K checkpoints, N classes.
"""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tests.files import held_in
from tests.networks import NUM_CLASSES, SIZE, labelled, random_clips, random_network, thresholds_that_split
from tests.policies.criteria import CRITERIA

from dyninf import Trace, infer
from dyninf.grid import Network, Segment
from dyninf.policies import LearnedGate, MaxProbability, Oracle, Policy
from dyninf.runtime import export_network, exported
from dyninf.runtime.engines import write_onnx
from dyninf.runtime.exported import Preprocessing, write
from dyninf.trace import FittedPolicy

CLIPS = 12
STOPS = (1, 3, 5)
CLASSES = [f"class {i}" for i in range(NUM_CLASSES)]
PREPROCESSING = Preprocessing("dense", 2, 40, SIZE, SIZE, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
USABLE = {name: policy for name, policy in CRITERIA.items() if not policy.sees_labels}


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network("resnet_small", "joint", 8, groups=2, width=8, head_width=16, gates=8, seed=1)


@pytest.fixture(scope="module")
def trace(network: Network) -> Trace:
    return Trace.record(network, [labelled(random_clips(CLIPS, 8))], split="random/test")


def fitted(policy: Policy, trace: Trace) -> FittedPolicy:
    """Some clips leave at each of `STOPS`, safely away from occurring scores."""
    scores_VK = trace.scores(policy)
    chosen_K = torch.full((scores_VK.shape[1],), 2.0, dtype=torch.float64)
    chosen_K[list(STOPS)] = torch.tensor([*thresholds_that_split(scores_VK[:, list(STOPS)]), 2.0]).double()
    return FittedPolicy.of(policy.with_threshold(chosen_K.tolist()), trace)


@pytest.fixture(scope="module")
def whole(network: Network, trace: Trace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder; read only."""
    folder = tmp_path_factory.mktemp("export") / "folder"
    export_network(network, fitted(LearnedGate(), trace), folder, CLASSES, PREPROCESSING)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "folder"))


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(held_in(path) | changes))


@pytest.mark.parametrize("policy", USABLE.values(), ids=USABLE)
def test_a_folder_gives_what_the_network_gives_under_every_criterion(
    policy: Policy, network: Network, trace: Trace, folder: Path
) -> None:
    file = fitted(policy, trace)
    file.save(folder / "policy.json")
    video_BTCHW = random_clips(CLIPS, 8)
    expected = infer(network, video_BTCHW, file.policy)
    net = exported.load(folder, threads=1)
    found = net.infer(video_BTCHW.numpy())
    assert found.checkpoint_B.tolist() == expected.checkpoint_B.tolist()
    assert len(set(found.checkpoint_B)) > 1
    assert set(found.checkpoint_B) <= set(STOPS)
    assert found.label_B.tolist() == expected.label_B.tolist()
    assert found.names == tuple(f"class {label}" for label in found.label_B)
    assert found.macs_B.tolist() == expected.macs_B.tolist()
    scale = expected.logits_BN.abs().max().item()
    np.testing.assert_allclose(found.logits_BN, expected.logits_BN, rtol=0, atol=1e-3 * scale)
    np.testing.assert_allclose(found.probability_B, expected.probability_B, rtol=0, atol=1e-3)
    for i in range(CLIPS):  # a clip is alone
        alone = net.infer(video_BTCHW[i : i + 1].numpy(), np.array([i]))
        assert alone.checkpoint_B == found.checkpoint_B[i]
        np.testing.assert_allclose(alone.logits_BN[0], found.logits_BN[i], rtol=0, atol=1e-4 * scale)


def test_frames_as_bytes_are_normalised_and_no_clips_are_no_error(whole: Path) -> None:
    net = exported.load(whole)
    bytes_BTHWC = np.random.default_rng(0).integers(256, size=(3, 8, SIZE, SIZE, 3), dtype=np.uint8)
    floats_BTCHW = (bytes_BTHWC / 255 - PREPROCESSING.mean) / PREPROCESSING.std
    floats_BTCHW = floats_BTCHW.transpose(0, 1, 4, 2, 3)
    found, expected = net.infer(bytes_BTHWC), net.infer(floats_BTCHW)
    np.testing.assert_allclose(found.logits_BN, expected.logits_BN, atol=1e-4)
    none = net.infer(bytes_BTHWC[:0])
    assert none.logits_BN.shape == (0, NUM_CLASSES)
    assert (none.names, len(none.label_B), len(none.macs_B)) == ((), 0, 0)


def test_a_manifest_says_what_goes_in_and_graphs_do_not_say_where_they_were_made(
    network: Network, whole: Path
) -> None:
    manifest = exported.Manifest.load(whole)
    assert manifest.stops == STOPS
    assert manifest.preprocessing == PREPROCESSING
    assert manifest.groups == network.permutation
    assert [place.macs for place in manifest.checkpoints] == network.costs(SIZE, SIZE).macs_K.tolist()
    assert manifest.segments[0].inputs == {"frames.1": (4, 3, SIZE, SIZE)}
    assert sorted(path.name for path in whole.iterdir()) == [
        "manifest.json",
        "policy.json",
        *(f"segment-{i}.onnx" for i in (1, 2, 3)),
    ]
    for segment in manifest.segments:
        assert str(Path(__file__).parents[3]).encode() not in (whole / segment.file).read_bytes()
        onnx.checker.check_model(onnx.load(whole / segment.file))


def test_a_folder_that_is_not_whole_is_refused_with_the_file_that_is_wrong(folder: Path) -> None:
    def refused(error: type[Exception], *said: str) -> None:
        with pytest.raises(error, match=".*".join(map(re.escape, said))):
            exported.load(folder)

    manifest, policy, graph = (folder / name for name in ("manifest.json", "policy.json", "segment-2.onnx"))
    facts, thresholds = held_in(manifest), held_in(policy)["threshold"]
    right = {path: path.read_bytes() for path in (manifest, policy, graph)}
    damaged = f"{graph} is damaged or of another export"
    no_policy, no_manifest = f"{policy} is no policy file", f"{manifest} is no manifest"
    swapped = [facts["segments"][i] for i in (1, 0, 2)]
    for path, changes, said in (
        (graph, None, (damaged,)),
        (manifest, None, (no_manifest,)),
        (policy, None, (no_policy,)),
        (manifest, {"format": 2}, (no_manifest, "format 2, this dyninf reads 1")),
        (manifest, {"classes": 5}, (no_manifest, "5 is no list")),
        (manifest, {"groups": [[0, 1]]}, (no_manifest, "each of 8 frames once")),
        (manifest, {"segments": swapped}, (no_manifest, "reach checkpoints [2, 3, 0, 1,")),
        (manifest, {"segments": facts["segments"][:2]}, (no_manifest, "of 6")),
        (manifest, {"fingerprint": "0" * 16}, (f"{policy} is for another network",)),
        (manifest, {"has_gates": False}, (f"{policy} asks the gates",)),
        (policy, {"criterion": "Oracle"}, (no_policy, "'Oracle' cannot be used without torch")),
        (policy, {"threshold": [0.5]}, (no_policy, "nor one for each of 6 checkpoints")),
        (policy, {"threshold": "high"}, (no_policy,)),
        (policy, {"arguments": {"temperature": 0}}, (no_policy, "temperature 0 is not above 0")),
        (policy, {"threshold": [0.5, *thresholds[1:]]}, (str(policy), "[0], from 0, where", "not cut")),
        (policy, {"checkpoints": list("abcdef")}, (f"{policy} is for another network",)),
        (policy, {"network": "n" * 5000, "fingerprint": "f" * 5000}, ("another network", "f…, this is")),
    ):
        if changes is None:
            path.write_bytes(right[path][:-40])
        else:
            change(path, **changes)
        refused(ValueError, *said)
        path.write_bytes(right[path])
    exported.load(folder)  # which was mended each time
    for path in (graph, policy, manifest):
        path.unlink()
        refused(FileNotFoundError, path.name)


def test_clips_that_do_not_fit_and_logits_that_are_no_numbers_are_refused(whole: Path) -> None:
    net, video_BTCHW = exported.load(whole), random_clips(3, 8).numpy()
    with pytest.raises(ValueError, match=r"clips of shape \(B, 8, 3, 32, 32\).* got float32 of shape \(3, 4"):
        net.infer(video_BTCHW[:, :4])
    with pytest.raises(
        ValueError, match=r"uint8 of shape \(B, 8, 32, 32, 3\); got uint8 of shape \(3, 8, 3,"
    ):
        net.infer(video_BTCHW.astype(np.uint8))
    with pytest.raises(ValueError, match="3 clips need one number each"):
        net.infer(video_BTCHW, np.arange(2))
    video_BTCHW[1, 0] = np.nan  # a frame of the first group
    with pytest.raises(
        ValueError, match=r"clip 1 at checkpoint 0 \(from 0\) are not finite: .*segment-1\.onnx"
    ):
        net.infer(video_BTCHW)


def test_what_cannot_be_exported_is_refused_before_anything_is_lost(
    network: Network, trace: Trace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(policy: Policy, to: Path, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            export_network(network, FittedPolicy.of(policy, trace), to, CLASSES, PREPROCESSING)

    refused(Oracle(0.5), tmp_path / "new", "Oracle cannot be exported; there are MaxProbability")
    refused(LearnedGate([0.5]), tmp_path / "new", "1 thresholds for 6 checkpoints")
    assert not (tmp_path / "new").exists()
    (folder / "notes.txt").write_text("dear")
    refused(LearnedGate(0.5), folder, "holds something else than an exported network")
    monkeypatch.chdir(tmp_path)
    refused(LearnedGate(0.5), Path(), "no folder that an export could replace")
    assert (folder / "notes.txt").read_text() == "dear"


def test_a_graph_that_is_not_its_segment_is_never_left_behind(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = random_network("resnet_small", "depth", 4, width=8, shift="none")

    def write_another(segment: Segment, path: Path) -> None:
        with torch.no_grad():
            segment.network.backbone.fc.bias.add_(1)
            write_onnx(segment, path)
            segment.network.backbone.fc.bias.sub_(1)

    monkeypatch.setattr(write, "write_onnx", write_another)
    never = FittedPolicy.of(MaxProbability(2.0), trace)  # one segment
    with pytest.raises(ValueError, match=r"segment-1\.onnx is not the segment: its logits differs by"):
        export_network(network, never, tmp_path / "new", CLASSES, PREPROCESSING)
    assert list(tmp_path.iterdir()) == []
