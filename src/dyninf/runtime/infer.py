"""Leave early for real.

Legend: B clips, b of them still on the way, T frames, C, H, W, J checkpoints so far, K in all, N classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dyninf.grid import Network, State
from dyninf.policies import Policy


@dataclass(frozen=True)
class InferenceResult:
    """One row a clip, in the order of the batch.

    label_B: predicted class. probability_B: its softmax probability. checkpoint_B: where the clip left,
    an index into ``network.checkpoints``. macs_B: multiply-adds spent on it. logits_BN: at that checkpoint.
    """

    label_B: Tensor
    probability_B: Tensor
    checkpoint_B: Tensor
    macs_B: Tensor
    logits_BN: Tensor


@torch.inference_mode()
def infer(network: Network, video_BTCHW: Tensor, policy: Policy) -> InferenceResult:
    """Walk the route; clips that the policy stops leave the batch, and cells behind the last one never run.

    Raises ValueError if the network is in training mode, the video does not fit it, the policy's
    thresholds do not fit its checkpoints, or logits are not finite.
    """
    if network.training:
        raise ValueError(
            "the network is in training mode, where clips of a batch affect each other; call .eval()"
        )
    network.check_video(video_BTCHW)
    K = len(network.checkpoints)
    policy.thresholds(K)  # refuses what does not fit before anything is computed
    macs_K = network.costs(*video_BTCHW.shape[-2:]).macs_K
    places = {checkpoint.cell: k for k, checkpoint in enumerate(network.checkpoints)}

    clips = len(video_BTCHW)
    checkpoint_B = torch.full((clips,), -1)
    logits_BN = video_BTCHW.new_empty(clips, network.num_classes)
    there_b = torch.arange(clips, device=video_BTCHW.device)
    video, state = video_BTCHW, State()
    logits_bJN = video_BTCHW.new_empty(clips, 0, network.num_classes)
    for cell in network.route.cells:
        if not len(there_b):
            break
        state = network.run_cell(cell, state, video)
        if cell not in places:
            continue
        k = places[cell]
        new_bN = network.predict(network.checkpoints[k], state)
        logits_bJN = torch.cat([logits_bJN, new_bN[:, None]], 1)
        stops_b = policy.stops(logits_bJN, K)
        if stops_b.any():
            leaving = there_b[stops_b]
            logits_BN[leaving] = new_bN[stops_b]
            checkpoint_B[leaving.cpu()] = k
            stays_b = ~stops_b
            there_b, video, logits_bJN, state = (
                there_b[stays_b],
                video[stays_b],
                logits_bJN[stays_b],
                state[stays_b],
            )
    probability_B, label_B = logits_BN.softmax(-1).max(-1)
    return InferenceResult(
        label_B.cpu(), probability_B.cpu(), checkpoint_B, macs_K[checkpoint_B], logits_BN.cpu()
    )
