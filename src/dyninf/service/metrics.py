"""What the service counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from dyninf.runtime import Answer

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper ends of the histogram's bins."""


class Metrics:
    """Counters in a registry of their own, so that several services of a process do not share them.

    checkpoints: names. full_gmacs: of a clip that goes through the whole network.
    """

    def __init__(self, checkpoints: Sequence[str], full_gmacs: float) -> None:
        self._registry = CollectorRegistry()
        self._checkpoints = checkpoints
        self._full_gmacs = full_gmacs
        ProcessCollector(registry=self._registry)  # memory among others, where the system tells

        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(f"dyninf_{name}", text, labels, registry=self._registry)

        self._requests = counter("requests", "Requests to /v1/predict by HTTP status; 499: gone", ["status"])
        self._seconds = Histogram(
            "dyninf_request_seconds",
            "From the beginning of a request to its answer",
            registry=self._registry,
            buckets=SECONDS,
        )
        self._exits = counter("exits", "Clips by the checkpoint where they left", ["checkpoint"])
        self._spent = counter("gmacs", "GMACs spent on clips")
        self._full = counter("full_gmacs", "GMACs that full inference would have taken for the same clips")
        self._frames = counter("frames_decoded", "Frames of clips that were decoded")
        for name in checkpoints:
            self._exits.labels(name)  # there from the beginning, with 0

    def watch(self, waiting: Callable[[], int], held_bytes: Callable[[], int]) -> None:
        """Report these two as they are when somebody asks."""
        gauges = (
            ("clips_waiting", "Clips that are being received, wait or run", waiting),
            ("buffer_bytes", "Bytes of the buffers in which clips wait between steps", held_bytes),
        )
        for name, text, value in gauges:
            Gauge(f"dyninf_{name}", text, registry=self._registry).set_function(value)

    def count_request(self, status: int, seconds: float) -> None:
        self._requests.labels(str(status)).inc()
        self._seconds.observe(seconds)

    def count_answer(self, answer: Answer) -> None:
        """In the thread that the answer comes from."""
        if answer.checkpoint is not None:
            self._exits.labels(self._checkpoints[answer.checkpoint]).inc()
            self._full.inc(self._full_gmacs)
        self._spent.inc(answer.macs / 1e9)
        self._frames.inc(answer.frames_decoded)

    def text(self) -> bytes:
        """In the format that Prometheus reads."""
        return generate_latest(self._registry)
