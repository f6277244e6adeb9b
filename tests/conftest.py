"""Every backbone with every scheme, every scheme with several clip lengths: where the laws must hold.

Legend: B clips, T frames, C, H, W, V videos, K checkpoints, N classes.
"""

import atexit
import itertools
import os
import shutil
import tempfile

import pytest
import torch
from hypothesis import settings
from tests.made_once import MadeOnce, common_base
from tests.networks import Setting, labelled, random_clips, random_network

from dyninf.grid import Network
from dyninf.trace import Trace

# Graphs that engines read are kept for a run of the tests, and none in the user's cache.
os.environ["DYNINF_CACHE"] = tempfile.mkdtemp(prefix="dyninf-tests-")
atexit.register(shutil.rmtree, os.environ["DYNINF_CACHE"], ignore_errors=True)

settings.register_profile("dyninf", deadline=None, derandomize=True)
settings.load_profile("dyninf")

CUT_NETWORKS = (
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "regnet_y_400mf",
    "convnext_tiny",
    "timm_mobilenetv3_small",
    "efficientnet_lite0",
)
SCHEMES = ("depth", "input", "joint")
SETTINGS = [
    *itertools.product(("resnet_small",), SCHEMES, (4, 8, 16)),
    *itertools.product(("resnet18",), SCHEMES, (8,)),
    *itertools.product(("resnet50",), SCHEMES, (4,)),
    ("resnet50", "joint", 16),
    *itertools.product(("msdnet_small",), SCHEMES, (4, 8)),
    *itertools.product(("msdnet38",), SCHEMES, (4,)),
    *itertools.product(CUT_NETWORKS, SCHEMES, (4,)),
]
BEYOND = [  # the paper
    ("msdnet_small", "joint", 4, {"shift": "nearest", "average": "cells", "head_width": 48}),
    ("msdnet_small", "joint", 4, {"shift": "two_way", "shift_place": "bottleneck"}),
    ("mobilenet_v2", "joint", 4, {"shift": "nearest", "average": "cells"}),
]
GATED = [
    *(
        (backbone, scheme, 4, {"gates": 16})
        for backbone in ("resnet_small", "msdnet_small")
        for scheme in SCHEMES
    ),
    ("resnet50", "joint", 8, {"gates": 16}),
    ("mobilenet_v2", "joint", 4, {"gates": 16, "average": "cells"}),
]


# In them a single test, or what it needs, takes longest: begun last, it would keep the other worker waiting.
FIRST = ("test_docs.py", "test_packaging.py", "test_tour.py", "test_launchers.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The dearest files first, so that the workers of ``-n`` end together."""
    items.sort(key=lambda item: item.path.name not in FIRST)


def name_of(param: tuple[object, ...]) -> str:
    """Such as ``msdnet_small-joint-4-nearest-cells``."""
    backbone, scheme, num_frames, *options = param
    values = [value for option in options for value in option.values() if isinstance(value, str)]
    values += ["gated" for option in options if "gates" in option]
    return "-".join(map(str, [backbone, scheme, num_frames, *values]))


@pytest.fixture(scope="session", params=[*SETTINGS, *BEYOND, *GATED], ids=name_of)
def setting(request: pytest.FixtureRequest) -> Setting:
    """Each backbone × scheme × T in turn; pytest runs all tests of one setting before it makes the next."""
    backbone, scheme, num_frames, *options = request.param
    network = random_network(backbone, scheme, num_frames, **(options[0] if options else {}))
    video_BTCHW = random_clips(5, num_frames)
    with torch.inference_mode():
        logits_BKN = network(video_BTCHW)
    trace = Trace.record(network, [labelled(video_BTCHW)], split="random/test")
    return Setting(backbone, scheme, network, video_BTCHW, logits_BKN, trace)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """``made_once(NAME, make)``: a folder that `make` fills, once for all workers. Read only."""
    return MadeOnce(common_base(tmp_path_factory))


@pytest.fixture(scope="session")
def small_network() -> Network:
    """Joint scheme, 8 frames in 4 groups, 12 checkpoints; small enough for a property test."""
    return random_network("resnet_small", "joint", 8, width=8, head_width=16)
