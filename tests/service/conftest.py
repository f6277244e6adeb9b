"""A service for the tests that only ask it."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dyninf.grid import Network

NEEDS = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "httpx")
if os.environ.get("CI") != "true" and not all(map(importlib.util.find_spec, NEEDS)):
    collect_ignore_glob = ["test_*.py"]  # they need the extra


@pytest.fixture(scope="module")
def service(small_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from tests.service.running import running

    with running(small_network, tmp_path_factory.mktemp("uploads")) as started:
        yield started


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames of 64x48, 4 seconds."""
    from tests.service.running import video_of

    return video_of(tmp_path_factory.mktemp("video"))
