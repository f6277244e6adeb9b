"""A handful of videos with the reason why each left."""

from pathlib import Path

import torch
from tests.trace.traces import random_trace

from dyninf.data import Synthetic
from dyninf.policies import MaxProbability
from dyninf.report.examples import HEIGHT, examples, strip_of


def test_examples_go_from_those_that_left_first_to_those_that_left_last() -> None:
    trace, policy = random_trace(80), MaxProbability(0.6)
    left = trace.replay(policy)
    found = examples(trace, policy, left, count=6)
    assert len({example.video_id for example in found}) == 6
    places = [trace.info.checkpoints.index(example.checkpoint) for example in found]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (left.checkpoint_V.min(), left.checkpoint_V.max())


def test_an_example_says_label_answer_and_the_confidence_at_each_checkpoint_on_the_way() -> None:
    trace, policy = random_trace(80), MaxProbability([0.6, 0.5, 0.9])
    left = trace.replay(policy)
    scores_VK = trace.logits_VKN.double().softmax(-1).amax(-1)
    for example in examples(trace, policy, left):
        v = trace.video_ids.index(example.video_id)
        last = int(left.checkpoint_V[v])
        assert example.label == trace.info.classes[trace.label_V[v]]
        assert example.predicted == trace.info.classes[trace.logits_VKN[v, last].argmax()]
        assert example.gmacs == trace.macs_K[last].item() / 1e9
        steps = example.why.split(", ")
        for k, threshold in enumerate([0.6, 0.5, 0.9][: last + 1]):
            sign = "≥" if k == last else "<"
            assert steps[k] == f"{trace.info.checkpoints[k]} {scores_VK[v, k]:.3f} {sign} {threshold:.3f}"
        assert (last == 3) == example.why.endswith(", the last")


def test_there_are_no_more_examples_than_videos() -> None:
    trace = random_trace(3)
    assert len(examples(trace, MaxProbability(0.5), trace.replay(MaxProbability(0.5)))) == 3


def drawn(folder: Path, resize: int, crop: int) -> Synthetic:
    """A few clips of other sizes: the same videos."""
    return Synthetic(
        folder,
        num_frames=4,
        train_clips=1,
        calibration_clips=1,
        test_clips=1,
        num_workers=0,
        resize=resize,
        crop=crop,
    )


def test_a_strip_has_the_frames_that_the_network_sees_side_by_side(tmp_path: Path) -> None:
    data = drawn(tmp_path, 32, 28)
    data.prepare_data()
    dataset, transform = data.dataset("test"), data.test_transform
    video = data.videos("test")[1]
    strip_HWC = strip_of(dataset, transform, video.video_id)
    assert strip_HWC.shape == (28, 4 * 28, 3)
    assert strip_HWC.dtype == torch.uint8
    mean_C, std_C = (torch.tensor(value)[:, None, None] for value in (transform.mean, transform.std))
    pixels_TCHW = (dataset[1].video * std_C + mean_C) * 255
    for t in range(4):
        frame_HWC = strip_HWC[:, t * 28 : (t + 1) * 28].float()
        assert (frame_HWC - pixels_TCHW[t].permute(1, 2, 0)).abs().max() < 1
    large = drawn(tmp_path, 160, 150)
    strip_HWC = strip_of(large.dataset("test"), large.test_transform, video.video_id)
    assert strip_HWC.shape == (HEIGHT, 4 * HEIGHT, 3)
