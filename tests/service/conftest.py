"""A service for the tests that only ask it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.networks import require_package
from tests.service.running import Running, running, video_of

from dyninf.grid import Network


def pytest_runtest_setup() -> None:
    for package in ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "httpx"):
        require_package(package)


@pytest.fixture(scope="module")
def service(small_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(small_network, tmp_path_factory.mktemp("uploads")) as started:
        yield started


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames of 64x48, 4 seconds."""
    return video_of(tmp_path_factory.mktemp("video"))
