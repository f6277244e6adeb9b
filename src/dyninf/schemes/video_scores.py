"""What each video of a split got, however many processes share the split.

Legend: B clips or videos, V videos of a split, K checkpoints, N classes, S = 1 + 2 K scores of a video.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, distributed


class VideoScores:
    """Loss, and whether each checkpoint was right, of every video; each counts once.

    Lightning gives every process the same number of videos, and some of them twice if need be; so videos are
    told apart by their ids, and what the processes saw is put together at the end.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all videos."""
        self._ids: list[str] = []
        self._scores: list[Tensor] = []

    def update(self, video_ids: Sequence[str], loss_B: Tensor, logits_BKN: Tensor, label_B: Tensor) -> None:
        """Take in a batch."""
        top1_BK, top5_BK = right_among_the_first(logits_BKN, label_B)
        self._ids.extend(video_ids)
        self._scores.append(torch.cat([loss_B.detach()[:, None].float(), top1_BK, top5_BK], 1))

    def compute(self, processes: int = 1) -> tuple[Tensor, Tensor, Tensor]:
        """The loss, and top-1 and top-5 (K,) as shares, over the videos of all `processes`, the same in each.

        Every one of them has to call this, also one that saw no video.
        """
        seen = [(self._ids, [scores_BS.cpu() for scores_BS in self._scores])]
        if processes > 1:
            seen = seen * processes
            distributed.all_gather_object(seen, seen[0])
        ids = [video_id for names, _ in seen for video_id in names]
        scores_XS = torch.cat([scores_BS for _, batches in seen for scores_BS in batches]).double()
        places = {video_id: place for place, video_id in enumerate(ids)}
        mean_S = scores_XS[list(places.values())].mean(0).float()
        top1_K, top5_K = mean_S[1:].chunk(2)
        return mean_S[0], top1_K, top5_K


def right_among_the_first(logits_BKN: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the class is the first of each checkpoint (B, K), and whether it is among the first five."""
    ranked_BKn = logits_BKN.detach().topk(min(5, logits_BKN.shape[-1])).indices
    right_BKn = ranked_BKn == label_B[:, None, None]
    return right_BKn[..., 0], right_BKn.any(-1)
