"""What becomes of shards whose workers are lost, with workers that do as they are told.

Those of Ray itself are in `end_to_end/test_predict_on_ray.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.networks import require_package

from dyninf.predicting_crew import Answers, Crew
from dyninf.report import Prediction, Shards, Totals

VIDEOS = [Path(f"{number}.mp4") for number in range(5)]
Order = Callable[[], Any]


class Lost(Exception):
    """As Ray has it."""


class Failed(Exception):
    def __init__(self, cause: Exception) -> None:
        self.cause = cause


class Here:
    """The part of Ray that a crew uses; an order is carried out when its result is asked for."""

    exceptions = SimpleNamespace(
        RayActorError=Lost, ObjectLostError=Lost, OutOfMemoryError=Lost, RayTaskError=Failed
    )

    def wait(self, orders: list[Order], num_returns: int) -> tuple[list[Order], list[Order]]:
        return orders[:num_returns], orders[num_returns:]

    def get(self, order: Order) -> Any:
        return order()


class Worker:
    """One that notes what it was given, and ends with a video of `deadly`."""

    def __init__(
        self,
        given: list[list[str]],
        deadly: Sequence[str] = (),
        begins: Order = lambda: None,
        ends: type[BaseException] = Lost,
    ) -> None:
        self._given, self._deadly, self._ends = given, deadly, ends
        self.begin = SimpleNamespace(remote=lambda: begins)
        self.answer = SimpleNamespace(remote=lambda videos: partial(self._answer, videos))

    def _answer(self, videos: Sequence[Path]) -> Answers:
        self._given.append([path.stem for path in videos])
        for path in videos:
            if path.stem in self._deadly:
                raise self._ends
        totals = Totals()
        rows = [Prediction(str(path), label=0, gmacs=1.0) for path in videos]
        for row in rows:
            totals.add_clip(row)
            totals.add_video(row)
        return rows, totals


@pytest.fixture
def shards(tmp_path: Path) -> Iterator[Shards]:
    require_package("pyarrow")
    with closing(Shards(tmp_path, VIDEOS, {}, 3)) as shards:
        yield shards


def test_a_shard_is_tried_again_then_one_by_one_and_the_deadly_video_has_a_row(shards: Shards) -> None:
    from pyarrow import dataset

    given: list[list[str]] = []
    said: list[str] = []
    totals = Totals()
    Crew(Here(), lambda: Worker(given, "1"), shards, 1, totals, said.append).work(1)
    assert given == [["0", "1", "2"], ["0", "1", "2"], ["0"], ["1"], ["1"], ["2"], ["3", "4"]]
    rows = dataset.dataset(shards.folder).to_table(columns=["path", "label", "error"]).to_pylist()
    assert [row["path"] for row in rows] == [str(path) for path in VIDEOS]
    assert [row["label"] for row in rows] == [0, None, 0, 0, 0]
    assert rows[1]["error"] == "1.mp4: the worker that had it alone was killed or crashed, 2 times"
    assert (totals.videos, totals.errors, totals.clips, totals.gmacs, totals.code) == (5, 1, 4, 4.0, 1)
    assert [line.split("; ")[1] for line in said] == [
        "its 3 videos are given to another",
        "its 3 videos are tried one by one",
        "1.mp4 is given to another",
        "1.mp4 is given up",
    ]


def test_workers_that_are_lost_before_they_begin_end_it(shards: Shards) -> None:
    def dies() -> None:
        raise Lost

    with pytest.raises(
        OSError, match="3 workers in a row were killed or crashed before they had the network"
    ):
        Crew(Here(), lambda: Worker([], begins=dies), shards, 1, Totals(), print).work(2)


def test_what_a_worker_raises_is_raised_here_and_ctrl_c_keeps_the_shards_so_far(shards: Shards) -> None:
    def wrong() -> None:
        raise Failed(ValueError("memory_mb=1 is not enough"))

    with pytest.raises(ValueError, match="memory_mb=1 is not enough"):
        Crew(Here(), lambda: Worker([], begins=wrong), shards, 1, Totals(), print).work(1)
    totals = Totals()
    Crew(Here(), lambda: Worker([], "3", ends=KeyboardInterrupt), shards, 1, totals, print).work(1)
    assert (totals.videos, totals.interrupted, totals.code) == (3, True, 130)
    shards.close()
    with closing(Shards(shards.folder, VIDEOS, {}, 3)) as again:
        assert again.left == [1]
