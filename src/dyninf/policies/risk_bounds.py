"""How many videos may change for the worse in a calibration split, so that a promise holds beyond it.

Tests of a true share from a sample of V videos, exact at every size. A video is lost where full inference is
right and leaving early is not, gained the other way round, changed if either; what is promised is
P(lost) - P(gained) of unseen videos.

Why this is own code: MAPIE, the library that comes nearest, controls risks of scikit-learn's kind of
classifier with Hoeffding and Bentkus bounds for losses in [0, 1]; crepes and TorchCP predict sets. A loss
of -1, 0 or 1 that is moved into [0, 1] loses what makes it easy, that most videos do not change. A bound
that adapts to this by betting (Waudby-Smith and Ramdas 2024) is valid, but asks for about sqrt(2
log(1/error)) standard deviations where an exact test asks for the normal quantile: 2.4 in place of 1.6 at
an error of 0.05.

Legend: V videos, D = V + 1 possible numbers of changed videos, C cells of the null hypothesis, W numbers in a
window.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import torch
from torch import Tensor

_CELL = 0.04  # width of a cell in standard deviations; what the test gives away to stay exact
_MOST_CELLS = 600  # wider ones where there are many videos, and a standard deviation is little
_STRIDE = 16
_SPREAD = 7  # standard deviations in a window
_ROUNDING = 1e-9  # far above what a window and the floating point leave out of a probability
_CHUNK = 1 << 21  # numbers at once
_HALVINGS = 8


@lru_cache(maxsize=64)
def losses_allowed(videos: int, max_drop: float, confidence: float) -> Tensor:
    """How many of the changed videos may be lost (D,), by how many have changed; -1: not even none.

    If P(lost) - P(gained) is `max_drop` or more, then so few are lost with probability 1 - `confidence` at
    most, whatever the share of changed videos is.

    An exact unconditional test (Barnard 1945) of a studentised distance from the promise: the numbers are the
    largest with V max_drop - (lost - gained) >= t sqrt(changed + V max_drop / 2). Here t, close to the normal
    quantile, is about the smallest with which the above holds over the whole null hypothesis. The half under
    the root sees to it that a loss more or a gain less never helps to pass. So the probability falls in
    P(lost) and grows in P(gained), its supremum lies where the drop is exactly `max_drop`, and each cell of
    this line is bounded by the value at its least P(lost) and largest P(gained).

    Raises ValueError as `check_promise`, or without a video.
    """
    check_promise(max_drop, confidence)
    if videos < 1:
        raise ValueError("a promise cannot be tested without a video")
    error = 1 - confidence
    cells = _cells(videos, max_drop)
    some = tuple(shares_C[::_STRIDE] for shares_C in cells)

    def broken(t: float, lost_C: Tensor, gained_C: Tensor) -> bool:
        return _most_probable(_region(videos, max_drop, t), lost_C, gained_C) > error - _ROUNDING

    low = high = NormalDist().inv_cdf(confidence)
    while broken(high, *some):
        low, high = high, 1.5 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if broken(middle, *some) else (low, middle)
    while broken(high, *cells):  # some cells were to find it quickly, all of them decide
        high *= 1.003
    return _region(videos, max_drop, high)


@lru_cache(maxsize=64)
def changes_allowed(videos: int, max_share: float, confidence: float) -> Tensor:
    """The same for P(changed) alone: (D,), the same number everywhere; Clopper and Pearson 1934.

    Raises ValueError as `losses_allowed`.
    """
    check_promise(max_share, confidence)
    if videos < 1:
        raise ValueError("a promise cannot be tested without a video")
    count_D = torch.arange(videos + 1)
    share = torch.tensor(max_share, dtype=torch.float64)
    at_most_D = _binomial(count_D, torch.tensor(videos), share).cumsum(0)
    allowed = int((at_most_D <= 1 - confidence - _ROUNDING).sum()) - 1
    return torch.full((videos + 1,), allowed)


def videos_needed(limit: float, confidence: float) -> int:
    """Videos with which a promise can be kept if not one of them changes; with changes it takes more."""
    check_promise(limit, confidence)
    return math.ceil(math.log(1 - confidence) / math.log1p(-limit))


def check_promise(limit: float, confidence: float) -> None:
    """Raise ValueError unless a share and a confidence are such that a test can tell something."""
    if not 0 < limit < 1:
        raise ValueError(
            f"a promise with a confidence needs a limit (max_drop) above 0 and below 1, got {limit}: "
            "no number of videos shows that nothing at all is lost"
        )
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence must be above 0.5 and below 1, such as 0.95; got {confidence}")


def _region(videos: int, max_drop: float, t: float) -> Tensor:
    changed_D = torch.arange(videos + 1, dtype=torch.float64)
    expected = videos * max_drop
    allowed_D = (expected + changed_D - t * (changed_D + expected / 2).sqrt()) / 2
    return torch.minimum(allowed_D.floor().clamp(min=-1), changed_D).long()


def _cells(videos: int, max_drop: float) -> tuple[Tensor, Tensor]:
    """The least P(lost) and the largest P(gained) of cells (C,) of the line with a drop of `max_drop`.

    They are as wide in standard deviations everywhere: evenly spaced in the root of P(changed).
    """
    number = min(math.ceil((1 - math.sqrt(max_drop)) * math.sqrt(videos) / _CELL), _MOST_CELLS)
    changed_C = torch.linspace(math.sqrt(max_drop), 1, number + 1, dtype=torch.float64) ** 2
    return (changed_C[:-1] + max_drop) / 2, (changed_C[1:] - max_drop) / 2


def _most_probable(allowed_D: Tensor, lost_C: Tensor, gained_C: Tensor) -> float:
    """The largest probability, over pairs of shares, that at most the allowed number is lost."""
    widest = 2 * _SPREAD * math.sqrt(len(allowed_D)) + 100
    chunk = max(1, int(_CHUNK / min(len(allowed_D), widest)))
    pairs = zip(lost_C.split(chunk), gained_C.split(chunk), strict=True)
    return max(probability(allowed_D, *pair).max().item() for pair in pairs)


def probability(allowed_D: Tensor, lost_C: Tensor, gained_C: Tensor) -> Tensor:
    """P(C,) that of V videos at most the allowed number is lost, when videos are lost and gained with these
    shares (above 0 together).

    allowed_D: grows by 0 or 1 with each changed video more, once it is not -1.
    """
    V = len(allowed_D) - 1
    videos = torch.tensor([[V]])
    changed_C1 = (lost_C + gained_C)[:, None].clamp(max=1)
    lost_C1 = lost_C[:, None] / changed_C1  # share of the changed videos
    first_C1, changed_CW = _window(videos, changed_C1)
    allowed_CW = allowed_D[changed_CW.clamp(max=V)]
    # One more changed video: P(lost <= a) falls by P(lost = a and the next is lost); a may then grow by one.
    here_CW = _binomial(allowed_CW, changed_CW, lost_C1)
    grows_CW = allowed_CW[:, 1:] > allowed_CW[:, :-1]
    step_CW = grows_CW * here_CW[:, 1:] - lost_C1 * here_CW[:, :-1]
    start_CW = _binomial(lost_CW := _window(first_C1, lost_C1)[1], first_C1, lost_C1)
    start_C1 = (start_CW * (lost_CW <= allowed_CW[:, :1])).sum(1, keepdim=True)
    few_lost_CW = torch.cat([start_C1, start_C1 + step_CW.cumsum(1)], 1)
    return (_binomial(changed_CW, videos, changed_C1) * few_lost_CW).sum(1)


def _window(trials: Tensor, share_C1: Tensor) -> tuple[Tensor, Tensor]:
    """The first (C, 1) and all (C, W) of the numbers within `_SPREAD` standard deviations of the mean."""
    half_C1 = (
        _SPREAD * (trials * share_C1 * (1 - share_C1)).sqrt() + 30
    )  # 30: tails of rare events are longer
    first_C1 = (trials * share_C1 - half_C1).long().clamp(min=0)
    last_C1 = torch.minimum((trials * share_C1 + half_C1).long(), trials)
    return first_C1, first_C1 + torch.arange(int((last_C1 - first_C1).max()) + 1)


def _binomial(number: Tensor, trials: Tensor, share: Tensor) -> Tensor:
    """Binomial probabilities; 0 for what is no number of successes."""
    possible = (number >= 0) & (number <= trials)
    number = torch.where(possible, number, 0)
    failures = torch.where(possible, trials - number, 0)
    log_factorial = _log_factorials(int(trials.max()))
    log = log_factorial[trials] - log_factorial[number] - log_factorial[failures]
    log = log + torch.xlogy(number, share) + torch.xlogy(failures, 1 - share)
    return torch.where(possible, log.exp(), 0.0)


@lru_cache(maxsize=64)
def _log_factorials(largest: int) -> Tensor:
    return torch.arange(1, largest + 2, dtype=torch.float64).lgamma()
