"""One number for a whole curve of accuracy against cost.

Legend: P operating points, X curves.
"""

import torch
from torch import Tensor


def area(top1_XP: Tensor, macs_XP: Tensor, least: float, most: float) -> Tensor:
    """The mean accuracy (X,) over budgets spread evenly from `least` to `most`.

    That is the area under the curve between the cheapest checkpoint's cost and full inference's, divided by
    its width, and so in [0, 1]: the expected accuracy when the budget is drawn evenly from that range (Huang
    et al. 2018, MSDNet, section 3, for budgets as a distribution). Between neighbouring points the curve is
    a straight line, as what it takes to send each video to one of them by lot; outside of all points it is
    flat. The points count as they are, not their upper envelope: whoever takes the best of them has chosen on
    the split that is reported.

    top1_XP, macs_XP: the points of each curve, in any order, with costs from `least` to `most`. Where these
    are equal, there is one budget, and its accuracy is that of the last point.
    """
    macs_XP, order_XP = macs_XP.double().sort(stable=True, dim=-1)
    top1_XP = top1_XP.double().gather(-1, order_XP)
    if most <= least:
        return top1_XP[..., -1]
    ends = torch.tensor([least, most], dtype=torch.float64).expand(*macs_XP.shape[:-1], 2)
    cost_XQ = torch.cat([ends[..., :1], macs_XP, ends[..., 1:]], -1)
    height_XQ = torch.cat([top1_XP[..., :1], top1_XP, top1_XP[..., -1:]], -1)
    return torch.trapezoid(height_XQ, cost_XQ) / (most - least)
