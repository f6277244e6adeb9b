"""The idea itself: cells, routes, checkpoints, and a network that walks them. Plain torch."""

from dyninf.grid.backbone import Backbone
from dyninf.grid.checkpoint import Checkpoint
from dyninf.grid.costs import Costs
from dyninf.grid.evaluation import evaluation_mode
from dyninf.grid.fingerprint import fingerprint
from dyninf.grid.gates import Gates, gate_inputs
from dyninf.grid.idle import idle_parameters
from dyninf.grid.network import Network
from dyninf.grid.permutation import permutation
from dyninf.grid.profile import NetworkProfile, profile
from dyninf.grid.route import Cell, Route
from dyninf.grid.scheme import Scheme
from dyninf.grid.segments import CarriedState, Segment, SegmentPlan, segments_of
from dyninf.grid.shift import (
    Exchange,
    Frames,
    NearestShift,
    NoShift,
    OfflineShift,
    OnlineShift,
    Shifted,
    TemporalShift,
    TwoWayShift,
)
from dyninf.grid.state import Features, State
from dyninf.grid.views import (
    average_gates,
    average_views,
    clips_of,
    video_answers,
    video_logits,
    video_macs,
    video_shape,
)

__all__ = [
    "Backbone",
    "CarriedState",
    "Cell",
    "Checkpoint",
    "Costs",
    "Exchange",
    "Features",
    "Frames",
    "Gates",
    "NearestShift",
    "Network",
    "NetworkProfile",
    "NoShift",
    "OfflineShift",
    "OnlineShift",
    "Route",
    "Scheme",
    "Segment",
    "SegmentPlan",
    "Shifted",
    "State",
    "TemporalShift",
    "TwoWayShift",
    "average_gates",
    "average_views",
    "clips_of",
    "evaluation_mode",
    "fingerprint",
    "gate_inputs",
    "idle_parameters",
    "permutation",
    "profile",
    "segments_of",
    "video_answers",
    "video_logits",
    "video_macs",
    "video_shape",
]
