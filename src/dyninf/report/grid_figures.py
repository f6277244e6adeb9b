"""A network's grid as plain values: what lies where, what it costs, where answers are given."""

from typing import Any

from dyninf.grid import Network, profile


def grid_figures(network: Network, height: int, width: int, views: int = 1) -> dict[str, Any]:
    """Groups, stages, cells and checkpoints, as they go into ``summary.json``.

    ``groups``: the frames of each, from 0. ``cells``: in the order of the route, ``gmacs`` with the part of
    the head that runs per frame. ``checkpoints``: ``gmacs`` of the classifier and gate. Groups and stages of
    cells count from 1; all GMACs are those of a video in `views` views with frames of this size.
    """
    found = profile(network, height, width)
    giga = views / 1e9
    return {
        "groups": [list(group) for group in network.permutation],
        "stages": list(network.backbone.stage_names),
        "cells": [
            {
                "group": cell.cell.group,
                "stage": cell.cell.stage,
                "gmacs": (cell.macs + cell.head_macs) * giga,
            }
            for cell in found.cells
        ],
        "checkpoints": [
            {
                "name": place.name,
                "group": place.cell.group,
                "stage": place.cell.stage,
                "gmacs": (place.classifier_macs + place.gate_macs) * giga,
            }
            for place in found.checkpoints
        ],
    }
