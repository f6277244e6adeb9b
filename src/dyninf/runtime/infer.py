"""Leave early for real.

Legend: B clips or videos, b of them still on the way, Q views of a video, q = b·Q, T frames, C, H, W,
J checkpoints so far, K in all, N classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dyninf.grid import Network, average_gates, average_views, clips_of, video_macs, video_shape
from dyninf.policies import Evidence, LogitsNotFiniteError, Policy
from dyninf.runtime.walk import CellWalk, StepResult, Walk


@dataclass(frozen=True, eq=False)
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
def infer(
    network: Network | Walk,
    video: Tensor,
    policy: Policy,
    clip_B: Tensor | None = None,
    label_B: Tensor | None = None,
) -> InferenceResult:
    """Walk the route; clips that the policy stops leave the batch, and cells behind the last one never run.

    network: or a `Runner`, which computes the same with compiled segments.
    video: clips (B, T, C, H, W), or videos in several views (B, Q, T, C, H, W). The views of a video walk
        together: the policy judges the mean of their probabilities (`grid.views`), and MACs are those of all.
    clip_B: the numbers of the videos in their split, which `RandomExit` draws by; their places in the batch
        when left out.
    label_B: their true classes, for a policy that is no method (`Oracle`).

    Raises ValueError if the network is in training mode, the video does not fit it, the policy's
    thresholds do not fit its checkpoints, it needs labels or gates and has none, or logits are not finite;
    or if a clip would leave where a runner was not cut.
    """
    walk: Walk = CellWalk(network) if isinstance(network, Network) else network
    network = walk.network
    if network.training:
        raise ValueError(
            "the network is in training mode, where clips of a batch affect each other; call .eval()"
        )
    clips_BTCHW, views = clips_of(video)
    network.check_video(clips_BTCHW)
    K = len(network.checkpoints)
    # Refuses what does not fit before anything is computed.
    policy.check_fits(K, network.gates is not None)
    policy.thresholds(K)
    macs_K = video_macs(network, video_shape(video))

    videos, device = len(video), walk.device
    checkpoint_B = torch.full((videos,), -1)
    # float32 whatever the network computes in, as in a trace
    logits_BN = torch.empty(videos, network.num_classes, device=device)
    evidence = Evidence(
        torch.empty(videos, 0, network.num_classes, device=device),
        None if label_B is None else label_B.to(device),
        torch.arange(videos, device=device) if clip_B is None else clip_B.to(device),
    )
    there_b, there_q = (torch.arange(length, device=device) for length in (videos, videos * views))
    carried = walk.start()
    for step in walk.steps:
        if not len(there_b):
            break
        # The group first, then the clips: frames of later groups are not copied.
        frames = {
            group: network.group_frames_of(clips_BTCHW, group)[there_q.to(video.device)].to(device)
            for group in step.groups
        }
        result = walk.run(step, carried, frames)
        carried = result.carried
        k = step.checkpoints[-1]
        try:
            evidence, stops_b = judge(policy, evidence, step.checkpoints, result, views, K)
        except LogitsNotFiniteError as error:  # its clip counts those still on the way
            raise LogitsNotFiniteError(int(there_b[error.clip]), error.checkpoint) from None
        if stops_b.any():
            leaving = there_b[stops_b]
            logits_BN[leaving] = evidence.logits_BJN[stops_b, -1]
            checkpoint_B[leaving.cpu()] = k
            stays_b = ~stops_b
            stays_q = stays_b.repeat_interleave(views)
            there_b, evidence = there_b[stays_b], evidence[stays_b]
            there_q, carried = there_q[stays_q], carried[stays_q]
    probability_B, predicted_B = logits_BN.softmax(-1).max(-1)
    return InferenceResult(
        predicted_B.cpu(), probability_B.cpu(), checkpoint_B, macs_K[checkpoint_B], logits_BN.cpu()
    )


def judge(
    policy: Policy,
    evidence: Evidence,
    checkpoints: Sequence[int],
    result: StepResult,
    views: int,
    num_checkpoints: int,
) -> tuple[Evidence, Tensor]:
    """The evidence with what a step found, and which videos (b,) stop behind it.

    Raises LogitsNotFiniteError, or ValueError if one would have stopped at an earlier checkpoint of the step.
    """
    for j, k in enumerate(checkpoints):
        gate_b = None if result.gate_Bj is None else average_gates(result.gate_Bj[:, j], views)
        evidence = evidence.and_then(average_views(result.logits_BjN[:, j], views), gate_b)
        stops_b = policy.stops(evidence, num_checkpoints)
        if k != checkpoints[-1] and stops_b.any():
            raise ValueError(
                f"a clip would leave at checkpoint {k} (from 0), where this runner was not cut; make one for "
                "the policy: Runner(..., stops=stops_of(policy, num_checkpoints))"
            )
    return evidence, stops_b
