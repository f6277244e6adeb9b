"""A service that runs in a thread, on a network with random weights, and what its answers have to be.

Legend: T frames, C, H, W.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.data.numbered_clips import Made
from tests.networks import SIZE

from dyninf import infer
from dyninf.data import Apart, ClipTransform, Here, Segment, Video, VideoClip, VideoDataset
from dyninf.grid import Network
from dyninf.policies import MaxProbability, Policy
from dyninf.runtime import ClipFrames, Queues, Runner
from dyninf.service import Limits, Worker
from dyninf.service.description import Description
from dyninf.service.metrics import Metrics
from dyninf.service.server import Server, listen
from dyninf.service.service import Service
from dyninf.service.teller import Teller
from dyninf.service.thumbnails import Thumbnails

POLICY = MaxProbability(0.5)
CLASSES = tuple("abcde")
TRANSFORM = ClipTransform(SIZE, SIZE)


@dataclass(frozen=True)
class Running:
    """A service with its address and the folder of its uploads."""

    service: Service
    address: tuple[str, int]
    folder: Path

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def post(self, content: bytes, **options: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/predict", files={"video": content}, timeout=60, **options)

    def metric(self, name: str) -> float:
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def check_nothing_is_left(self) -> None:
        """No file, and no place that is taken; closing a clip may take a moment longer than its answer."""
        until(lambda: not list(self.folder.iterdir()) and self.metric("dyninf_clips_waiting") == 0)


@contextmanager
def running(
    network: Network,
    folder: Path,
    limits: Limits | None = None,
    clip_of: Callable[[Path], ClipFrames] | None = None,
    policy: Policy = POLICY,
    batch: int = 4,
    classes: Sequence[str] = CLASSES,
    page: bool = True,
    reading: Apart | Here | None = None,
) -> Iterator[Running]:
    """reading: what opens uploads; None leaves it to the service."""
    reading = reading or Here()
    limits = limits or Limits()
    description = Description.of(network, classes, SIZE, SIZE)
    pictures = Thumbnails(TRANSFORM.mean, TRANSFORM.std)
    teller = Teller(network, policy, description, SIZE, SIZE, pictures) if page else None
    metrics = Metrics(description.checkpoints, description.full_gmacs)
    queues = Queues(Runner(network, SIZE, SIZE), policy, batch, finish_first=True)
    worker = Worker(queues, metrics.count_answer)
    service = Service(
        worker,
        clip_of or clips_for(network, reading),
        description.answer,
        metrics,
        description.info(policy, limits),
        limits,
        folder,
        teller,
        reading.measure,
    )
    worker.start()
    with listen("127.0.0.1", 0) as listener:
        server = Server(service)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        until(lambda: server.started)
        try:
            yield Running(service, listener.getsockname(), folder)
        finally:
            server.should_exit = True
            thread.join()
            service.close()


def clips_for(network: Network, reading: Apart | Here | None = None) -> Callable[[Path], VideoClip]:
    source_of = (reading or Here()).source
    how = Segment(network.num_frames), network.permutation, TRANSFORM
    return lambda path: VideoClip(path, *how, source=source_of(path))


def check_answer(answer: Mapping[str, Any], network: Network, video: Path, policy: Policy = POLICY) -> None:
    """What `infer` says of the clip that testing takes of the video."""
    clip = VideoDataset([Video(video, 0, "video")], Segment(network.num_frames), TRANSFORM)[0]
    expected = infer(network, clip.video[None], policy)
    assert answer["label"] == expected.label_B.item()
    assert answer["class"] == CLASSES[answer["label"]] == answer["top5"][0][0]
    assert answer["probability"] == pytest.approx(expected.probability_B.item(), abs=1e-4)
    assert answer["checkpoint"] == network.checkpoints[expected.checkpoint_B.item()].name
    assert answer["gmacs"] == pytest.approx(expected.macs_B.item() / 1e9)
    assert sum(probability for _, probability in answer["top5"]) == pytest.approx(1, abs=1e-4)


def video_of(folder: Path, frames: int = 40, **how: Any) -> Path:
    """An encoded clip of 10 frames a second."""
    folder.mkdir(parents=True, exist_ok=True)
    return Made("libx264", ".mp4", {"preset": "ultrafast", "threads": "1"}, frames=frames, **how).write(
        folder
    )


def raw_request(running: Running, request: bytes) -> socket.socket:
    """A connection over which these bytes have gone, and no more."""
    connection = socket.create_connection(running.address, timeout=30)
    connection.sendall(request)
    return connection


def head(length: int, kind: str = "video/mp4", path: str = "/v1/predict") -> bytes:
    """The head of an upload."""
    lines = (f"POST {path} HTTP/1.1", "Host: here", f"Content-Type: {kind}", f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def status_of(connection: socket.socket) -> int:
    """Of the response that comes over a connection."""
    with connection:
        return int(connection.makefile("rb").readline().split()[1])


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that has to come true soon."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.01)
