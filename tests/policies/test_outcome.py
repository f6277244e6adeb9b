"""Accuracy, cost and exit shares from where each video stopped.

Legend: V videos, K checkpoints, N classes.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dyninf.policies import Outcome, ranked_classes


def test_classes_are_ranked_by_their_logits() -> None:
    assert ranked_classes(torch.tensor([0.1, 3.0, -1.0])).tolist() == [1, 0, 2]
    assert ranked_classes(torch.arange(8.0)).tolist() == [7, 6, 5, 4, 3]
    assert ranked_classes(torch.zeros(2, 3, 9)).shape == (2, 3, 5)


@given(st.integers(1, 12), st.integers(1, 4), st.integers(2, 9), st.integers(0, 10**6))
def test_an_outcome_is_what_counting_video_by_video_gives(V: int, K: int, N: int, seed: int) -> None:
    torch.manual_seed(seed)
    logits_VN, label_V = torch.randn(V, N), torch.randint(N, (V,))
    checkpoint_V, macs_K = torch.randint(K, (V,)), torch.rand(K, dtype=torch.float64).cumsum(0)
    found = Outcome.of(ranked_classes(logits_VN), label_V, checkpoint_V, macs_K)
    ranks = [sum(x > logits[label] for x in logits) for logits, label in zip(logits_VN, label_V, strict=True)]
    assert found.top1 == pytest.approx(sum(rank < 1 for rank in ranks) / V)
    assert found.top5 == pytest.approx(sum(rank < 5 for rank in ranks) / V)
    assert found.mean_macs == pytest.approx(sum(macs_K[k].item() for k in checkpoint_V) / V)
    assert found.exit_share_K.tolist() == pytest.approx(
        [(checkpoint_V == k).sum().item() / V for k in range(K)]
    )
    assert found.predicted_V.tolist() == logits_VN.argmax(1).tolist()
