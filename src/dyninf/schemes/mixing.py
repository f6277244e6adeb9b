"""Training on mixtures of two clips.

Legend: B clips, T frames, C, H, W, N classes.

A clip is mixed with its neighbour in the batch, whole: all frames get the same share or the same box.
It is one draw a batch, from torch's global generator. Built on torchvision's MixUp and CutMix.
"""

from torch import Tensor, nn
from torch.nn.functional import one_hot
from torchvision import tv_tensors
from torchvision.transforms import v2


class Mixing:
    """A transform of a batch of videos and of the probabilities of their classes."""

    def __init__(self, transform: nn.Module) -> None:
        self.transform = transform

    def __call__(self, video_BTCHW: Tensor, label_B: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """The mixed clips, and how much of each class is in them (B, N); a lone clip stays as it is."""
        share_BN = one_hot(label_B, num_classes).to(video_BTCHW.dtype)
        mixed_BTCHW, share_BN = self.transform(tv_tensors.Video(video_BTCHW), share_BN)
        return mixed_BTCHW.as_subclass(Tensor), share_BN


class Mixup(Mixing):
    """Weighted means of two clips (Zhang et al. 2018).

    alpha: the weight is drawn from Beta(alpha, alpha), 0.8 as in MViT (Fan et al. 2021); the smaller, the
        more there is of one clip.

    Raises ValueError if alpha is not positive.
    """

    def __init__(self, alpha: float = 0.8) -> None:
        super().__init__(v2.MixUp(alpha=_positive("alpha of mixup", alpha)))


class Cutmix(Mixing):
    """A box of one clip, at the same place in all frames, filled from another (Yun et al. 2019).

    alpha: the share of the box's area is drawn from Beta(alpha, alpha); 1 draws all alike.

    Raises ValueError if alpha is not positive.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(v2.CutMix(alpha=_positive("alpha of cutmix", alpha)))


class MixupOrCutmix(Mixing):
    """Either, chosen anew for every batch.

    cutmix_share: of the batches.

    Raises ValueError if an alpha is not positive, or the share not between 0 and 1.
    """

    def __init__(
        self, mixup_alpha: float = 0.8, cutmix_alpha: float = 1.0, cutmix_share: float = 0.5
    ) -> None:
        if not isinstance(cutmix_share, (int, float)) or not 0 < cutmix_share < 1:
            raise ValueError(
                f"cutmix_share must be between 0 and 1, got {cutmix_share!r}; for one kind alone use "
                "mixing=mixup or mixing=cutmix"
            )
        kinds = [Mixup(mixup_alpha).transform, Cutmix(cutmix_alpha).transform]
        super().__init__(v2.RandomChoice(kinds, p=[1 - cutmix_share, cutmix_share]))


def _positive(name: str, value: float) -> float:
    if not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return value
