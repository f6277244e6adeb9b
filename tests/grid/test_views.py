"""The mean over the views of a video.

Legend: B videos, Q views, K checkpoints, N classes.
"""

import pytest
import torch
from tests.networks import SIZE, counted, random_clips

from dyninf.grid import Network, average_views, clips_of, video_logits, video_macs, video_shape


def test_softmax_of_the_average_is_the_mean_of_the_views_softmax() -> None:
    logits_BQKN = 20 * torch.randn(4, 6, 3, 5, generator=torch.Generator().manual_seed(0))
    found_BKN = average_views(logits_BQKN.flatten(0, 1), 6)
    expected_BKN = logits_BQKN.double().softmax(-1).mean(1)
    torch.testing.assert_close(found_BKN.double().softmax(-1), expected_BKN, rtol=1e-5, atol=0)
    assert found_BKN.dtype == torch.float32


def test_the_order_of_views_does_not_matter_and_that_of_videos_does() -> None:
    logits_BQN = torch.randn(3, 4, 5)
    found_BN = average_views(logits_BQN.flatten(0, 1), 4)
    torch.testing.assert_close(average_views(logits_BQN.flip(1).flatten(0, 1), 4), found_BN)
    torch.testing.assert_close(average_views(logits_BQN.flip(0).flatten(0, 1), 4), found_BN.flip(0))


def test_one_view_is_left_as_it_is() -> None:
    logits_BN = torch.randn(3, 5)
    assert torch.equal(average_views(logits_BN, 1), logits_BN)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_view_that_is_not_finite_is_not_hidden_by_the_others(value: float) -> None:
    logits_BQN = torch.randn(3, 4, 5)
    logits_BQN[1, 2, 3] = value
    finite_B = average_views(logits_BQN.flatten(0, 1), 4).isfinite().all(-1)
    assert finite_B.tolist() == [True, False, True]


def test_all_checkpoints_see_the_mean_and_one_view_is_the_clip_itself(small_network: Network) -> None:
    video_BQTCHW = random_clips(6, 8).unflatten(0, (2, 3))
    with torch.inference_mode():
        logits_BQKN = small_network(video_BQTCHW.flatten(0, 1)).unflatten(0, (2, 3))
        found_BKN = video_logits(small_network, video_BQTCHW)
        single_BKN = video_logits(small_network, video_BQTCHW[:, :1])
        clip_BKN = video_logits(small_network, video_BQTCHW[:, 0])
    expected_BKN = logits_BQKN.double().softmax(-1).mean(1).log()
    torch.testing.assert_close(found_BKN.double(), expected_BKN, rtol=1e-5, atol=1e-6)
    assert torch.equal(single_BKN, clip_BKN)


def test_the_costs_are_those_of_all_views(small_network: Network) -> None:
    video_BQTCHW = random_clips(6, 8).unflatten(0, (2, 3))
    shapes = [video_shape(video_BQTCHW), video_shape(video_BQTCHW[:, 0])]
    assert shapes == [(3, SIZE, SIZE), (SIZE, SIZE)]
    macs_K = small_network.costs(SIZE, SIZE).macs_K
    assert torch.equal(video_macs(small_network, shapes[0]), 3 * macs_K)
    assert torch.equal(video_macs(small_network, shapes[1]), macs_K)
    with counted(small_network) as counter, torch.inference_mode():
        video_logits(small_network, video_BQTCHW)
    assert counter.macs == 2 * video_macs(small_network, shapes[0])[-1]


def test_a_video_without_a_view_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs a view at least, got a batch of shape \(2, 0, 8"):
        clips_of(torch.zeros(2, 0, 8, 3, SIZE, SIZE))
