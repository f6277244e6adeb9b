"""Promises that hold on unseen videos with a stated confidence, from a calibration trace.

Legend: V videos, K checkpoints.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dyninf.policies import Policy, controlled_threshold, first_stop, holds, losses, videos_needed
from dyninf.policies.budget import never_early
from dyninf.trace.trace import Trace

NEVER = 2.0  # scores lie in [0, 1]: 0 lets all leave and 2 nobody, as infinity does, which JSON cannot hold
STEPS = 40


def halves(trace: Trace) -> tuple[Trace, Trace]:
    """The videos of a trace in two halves, drawn by lot, always the same: one to fit on, one to test on."""
    order = torch.randperm(len(trace.video_ids), generator=torch.Generator().manual_seed(0)).tolist()
    ids = [trace.video_ids[v] for v in order]
    middle = len(ids) // 2
    return trace.without(set(ids[middle:])), trace.without(set(ids[:middle]))


def one_certified(trace: Trace, policy: Policy, limit: float, confidence: float, risk: str) -> Policy:
    """The policy with the lowest threshold, for all checkpoints, that is certified on `trace`."""
    found = controlled_threshold(
        trace.scores(policy), losses_of(trace, risk), trace.macs_K, limit, confidence, risk
    )
    return policy.with_threshold(min(max(found, 0.0), NEVER))


def certified_of_budgets(
    trace: Trace,
    policy: Policy,
    thresholds_for: Callable[[float], Tensor],
    limit: float,
    confidence: float,
    risk: str,
) -> Policy:
    """The policy with the thresholds of the smallest budget that is certified on `trace`.

    `STEPS` budgets are tried, from full inference's cost down in even steps to the first checkpoint's, up to
    the first that fails.

    thresholds_for: thresholds (K,) for a budget in MACs, fitted on other videos than those of `trace`.
    """
    scores_VK, loss_VK = trace.scores(policy), losses_of(trace, risk)
    best_K = never_early(len(trace.macs_K))
    for budget in torch.linspace(trace.macs_K[-1], trace.macs_K[0], STEPS + 1).tolist()[1:]:
        tried_K = thresholds_for(budget)
        loss_V = loss_VK.gather(1, first_stop(scores_VK, tried_K)[:, None])
        lost, gained = (loss_V > 0).sum()[None], (loss_V < 0).sum()[None]
        if not holds(lost, gained, len(loss_V), limit, confidence, risk).all():
            break
        best_K = tried_K
    return policy.with_threshold(best_K[:-1].clamp(0, NEVER).tolist())


def losses_of(trace: Trace, risk: str) -> Tensor:
    """`policies.losses` of a trace."""
    return losses(trace.ranked_VKn[:, :, 0], trace.label_V, risk)


def nothing_certified(trace: Trace, policy: Policy, limit: float, confidence: float) -> str | None:
    """One line that says so if no video of `trace`, on which thresholds were tested, leaves early."""
    if len(trace.macs_K) == 1 or trace.replay(policy).exit_share_K[-1] < 1:
        return None
    needed, there = videos_needed(limit, confidence), len(trace.video_ids)
    why = (
        f"at least {needed} are needed, and about {3 * needed} if some answers change"
        if there < 3 * needed
        else "even the surest exits change too many answers; another policy or solver may help"
    )
    return (
        f"no early exit can be certified on {there} calibration videos ({limit:.1%} at {confidence:.0%} "
        f"confidence): {why}. Full inference is what is given"
    )
