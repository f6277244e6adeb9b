"""The idea itself: cells, routes, checkpoints, and a network that walks them. Plain torch."""

from dyninf.grid.backbone import Backbone
from dyninf.grid.checkpoint import Checkpoint
from dyninf.grid.costs import Costs
from dyninf.grid.evaluation import evaluation_mode
from dyninf.grid.fingerprint import fingerprint
from dyninf.grid.network import Network
from dyninf.grid.permutation import permutation
from dyninf.grid.route import Cell, Route
from dyninf.grid.scheme import Scheme
from dyninf.grid.shift import NoShift, OfflineShift, OnlineShift, TemporalShift
from dyninf.grid.state import Features, State

__all__ = [
    "Backbone",
    "Cell",
    "Checkpoint",
    "Costs",
    "Features",
    "Network",
    "NoShift",
    "OfflineShift",
    "OnlineShift",
    "Route",
    "Scheme",
    "State",
    "TemporalShift",
    "evaluation_mode",
    "fingerprint",
    "permutation",
]
