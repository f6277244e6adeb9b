"""A watched video is told of as it is inferred, and ends as /v1/predict answers it.

Legend: V videos, N classes.
"""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from tests.networks import gap_middles
from tests.service.running import (
    TRANSFORM,
    Running,
    check_answer,
    clips_for,
    head,
    raw_request,
    running,
    status_of,
    until,
    video_of,
)

from dyninf.data import Segment, Video, VideoDataset
from dyninf.grid import Network
from dyninf.policies import MaxProbability
from dyninf.service import Limits, watching

NASTY = "<img src=x onerror=alert(1)>\"'&😀"
Event = tuple[str, dict[str, Any]]


def watched(service: Running, content: bytes) -> list[Event]:
    response = httpx.post(f"{service.url}/v1/watch", files={"video": content}, timeout=60)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return list(events_of(iter(response.text.splitlines())))


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    """Lines come in threes: a name, data, and an empty one."""
    for line in lines:
        data = next(lines)
        assert line.startswith("event: ")
        assert data.startswith("data: ")
        assert next(lines) == ""
        yield line.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def named(events: list[Event], name: str) -> list[dict[str, Any]]:
    return [data for kind, data in events if kind == name]


def split_of(network: Network, videos: list[Path]) -> MaxProbability:
    """With it some of the videos leave at the first checkpoint, and the others at the last."""
    clips = VideoDataset(
        [Video(path, 0, str(path)) for path in videos], Segment(network.num_frames), TRANSFORM
    )
    with torch.inference_mode():
        logits_VN = torch.cat([network(clip.video[None])[:, 0] for clip in clips])
    threshold = gap_middles(logits_VN.softmax(-1).amax(-1), gap=1e-4)[0]
    return MaxProbability([threshold, *[2.0] * (len(network.checkpoints) - 2)])


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    return [video_of(folder / str(frames), frames) for frames in (10, 25, 40)]


def test_a_watched_video_ends_as_predict_answers_it_early_or_late(
    small_network: Network, videos: list[Path], tmp_path: Path
) -> None:
    policy = split_of(small_network, videos)
    with running(small_network, tmp_path, policy=policy) as service:
        left = set()
        for video in videos:
            events = watched(service, video.read_bytes())
            check_order(events, small_network)
            [answer], [full] = named(events, "answer"), named(events, "full")
            check_answer(answer, small_network, video, policy)
            check_answer(full, small_network, video, MaxProbability(2.0))
            predicted = service.post(video.read_bytes()).json()
            assert list(answer) == list(full) == list(predicted)
            for key in ("label", "class", "checkpoint", "gmacs", "share_of_full"):
                assert answer[key] == predicted[key]
            assert answer["probability"] == pytest.approx(predicted["probability"], abs=1e-4)
            assert full["share_of_full"] == 1
            assert full["frames_decoded"] == small_network.num_frames >= answer["frames_decoded"]
            assert full["milliseconds"] >= answer["milliseconds"] > 0
            left.add(answer["checkpoint"])
        assert left == {small_network.checkpoints[0].name, small_network.checkpoints[-1].name}
        service.check_nothing_is_left()


def check_order(events: list[Event], network: Network) -> None:
    """Cells in the order of the route, frames before their first one, checkpoints behind theirs; what comes
    behind the answer is marked.
    """
    places = {checkpoint.cell: checkpoint.name for checkpoint in network.checkpoints}
    expected: list[tuple[str, Any]] = []
    for cell in network.route.cells:
        if cell.stage == 1:
            expected.append(("frames", cell.group))
        expected.append(("cell", tuple(cell)))
        if cell in places:
            expected.append(("checkpoint", places[cell]))
    keys = {
        "frames": lambda data: data["group"],
        "cell": lambda data: (data["group"], data["stage"]),
        "checkpoint": lambda data: data["name"],
    }
    assert [(name, keys[name](data)) for name, data in events if name in keys] == expected
    names = [name for name, _ in events]
    assert (names[0], names[-1], names.count("answer")) == ("grid", "full", 1)
    place = names.index("answer")
    assert events[place - 1][1]["leaves"]
    assert [data["after"] for _, data in events[1:place]] == [False] * (place - 1)
    assert all(data["after"] and not data.get("leaves") for _, data in events[place + 1 : -1])


def test_the_grid_has_what_the_page_draws(service: Running, small_network: Network, video: Path) -> None:
    grid = httpx.get(f"{service.url}/v1/grid").json()
    events = watched(service, video.read_bytes())
    assert events[0] == ("grid", grid)
    assert grid["groups"] == [list(group) for group in small_network.permutation]
    assert grid["stages"] == ["res2", "res3", "res4", "res5"]
    assert len(grid["cells"]) == 16
    assert [c["gmacs"] for c in grid["checkpoints"]] == small_network.costs(32, 32).gmacs_K
    assert [c["threshold"] for c in grid["checkpoints"]] == [0.5] * 11 + [None]
    macs = sum(cell["macs"] for cell in grid["cells"])
    assert 0.9 * grid["full_gmacs"] < macs / 1e9 <= grid["full_gmacs"]
    frames = named(events, "frames")
    assert [data["frames"] for data in frames] == grid["groups"]
    for data in frames:
        assert len(data["pictures"]) == 2
        assert all(picture.startswith("data:image/jpeg;base64,/9j/") for picture in data["pictures"])


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({}, 400),
        ({"files": {"video": b""}}, 400),
        ({"json": {"video": "here"}}, 415),
        ({"files": {"video": b"certainly not a video"}}, 415),
        ({"content": b"abc", "headers": {"Content-Type": "multipart/form-data"}}, 400),
    ],
)
def test_what_predict_refuses_is_refused_alike(service: Running, how: dict, status: int) -> None:
    watch, predict = (httpx.post(f"{service.url}/v1/{name}", **how) for name in ("watch", "predict"))
    assert watch.status_code == predict.status_code == status
    assert watch.json() == predict.json()
    service.check_nothing_is_left()


def test_limits_and_a_video_too_short_have_the_same_statuses(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    short = video_of(tmp_path / "short", frames=3).read_bytes()
    (tmp_path / "uploads").mkdir()
    with running(small_network, tmp_path / "uploads", Limits(upload_mb=0.5, seconds=3.0)) as service:
        for content, status in ((bytes(2**20), 413), (video.read_bytes(), 422), (short, 422)):
            response = httpx.post(f"{service.url}/v1/watch", files={"video": content})
            assert (response.status_code, response.json()) == (status, service.post(content).json())
        service.check_nothing_is_left()


def test_too_many_are_told_to_come_again_and_predict_has_places_of_its_own(
    service: Running, video: Path
) -> None:
    slow = [raw_request(service, head(1000, path="/v1/watch") + b"begun") for _ in range(watching.WAITING)]
    until(lambda: service.metric("dyninf_clips_waiting") == watching.WAITING)
    assert status_of(raw_request(service, head(1000, path="/v1/watch"))) == 429
    assert service.post(video.read_bytes()).status_code == 200
    for connection in slow:
        connection.close()
    service.check_nothing_is_left()
    assert named(watched(service, video.read_bytes()), "full")


class Gated:
    """A clip whose groups from one on come when a gate is open; notes which were asked for."""

    def __init__(self, network: Network, path: Path, gate: threading.Event, closed_from: int) -> None:
        self._clip = clips_for(network)(path)
        self.name, self.asked = self._clip.name, []
        self._gate, self._closed_from = gate, closed_from

    def group(self, group: int) -> object:
        self.asked.append(group)
        if group >= self._closed_from:
            assert self._gate.wait(20)
        return self._clip.group(group)

    def close(self) -> None:
        self._clip.close()


@pytest.mark.parametrize("closed_from", [1, 2])
def test_a_client_that_goes_away_frees_its_place_and_its_clip_is_dropped(
    small_network: Network, video: Path, tmp_path: Path, closed_from: int
) -> None:
    gate, clips, content = threading.Event(), [], video.read_bytes()

    def clip_of(path: Path) -> Gated:
        clips.append(Gated(small_network, path, gate, closed_from))
        return clips[-1]

    with running(small_network, tmp_path, clip_of=clip_of) as service:
        request = head(len(content), path="/v1/watch") + content
        first = raw_request(service, request)
        until(lambda: bool(clips) and closed_from in clips[0].asked)
        second = raw_request(service, request)  # waits for its turn
        until(lambda: len(clips) == 2)
        second.close()
        until(lambda: service.metric("dyninf_clips_waiting") == 1)
        first.close()
        gate.set()
        service.check_nothing_is_left()
        assert clips[0].asked == list(range(1, closed_from + 1))
        assert clips[1].asked == []
        assert named(watched(service, content), "full")


def test_a_walk_that_takes_too_long_ends_with_an_error_event_or_503_before_it_began(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    gates = [threading.Event(), threading.Event()]
    waits = iter([(gates[0], 3), (gates[1], 1)])
    with running(
        small_network,
        tmp_path,
        Limits(time_limit=0.5),
        lambda path: Gated(small_network, path, *next(waits)),
    ) as service:
        events = watched(service, video.read_bytes())
        assert events[-1] == ("error", {"error": "it was not done within 0.5 s; come again later"})
        assert [data["group"] for data in named(events, "frames")] == [1, 2]
        gates[0].set()
        response = httpx.post(f"{service.url}/v1/watch", files={"video": video.read_bytes()})
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        gates[1].set()
        service.check_nothing_is_left()


def test_a_service_that_ends_does_not_wait_for_those_who_watch(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    gate, events = threading.Event(), []
    clips: list[Gated] = []

    def clip_of(path: Path) -> Gated:
        clips.append(Gated(small_network, path, gate, closed_from=2))
        return clips[-1]

    with running(small_network, tmp_path, clip_of=clip_of) as service:
        client = threading.Thread(target=lambda: events.extend(watched(service, video.read_bytes())))
        client.start()
        until(lambda: bool(clips) and 2 in clips[0].asked)
        service.service.is_closing = True
        gate.set()
        client.join()
        assert events[-1] == ("error", {"error": "the service is shutting down"})
        assert clips[0].asked in ([1, 2], [1, 2, 3])  # the third was asked for before the end was heard of
        service.check_nothing_is_left()


def test_an_error_on_the_way_is_an_event_with_a_reason(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    content = bytearray(video.read_bytes())
    errors = iter([ZeroDivisionError("here"), None])

    def clip_of(path: Path) -> object:
        clip, error = clips_for(small_network)(path), next(errors)
        group = clip.group

        def failing(number: int) -> object:
            if number == 2 and error is not None:
                raise error
            return group(number)

        clip.group = failing
        return clip

    with running(small_network, tmp_path, clip_of=clip_of) as service:
        events = watched(service, bytes(content))
        assert [name for name, _ in events].count("frames") == 1
        reason = "the video could not be answered, through no fault of its own"
        assert events[-1] == ("error", {"error": reason})
        service.check_nothing_is_left()
        assert named(watched(service, bytes(content)), "full")


def test_names_of_classes_come_as_they_are(small_network: Network, video: Path, tmp_path: Path) -> None:
    with running(small_network, tmp_path, classes=[NASTY] * 5) as service:
        events = watched(service, video.read_bytes())
        for data in (*named(events, "checkpoint"), *named(events, "answer"), *named(events, "full")):
            assert data["class"] == data["top5"][0][0] == NASTY


def test_the_page_comes_with_headers_that_keep_everything_else_out(service: Running) -> None:
    page = httpx.get(service.url)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    names = [part.split('"')[0] for part in page.text.split('"page/')[1:]] + ["grid.js", "upload.js"]
    assert {"style.css", "page.js", "icon.svg"} <= set(names)
    for response in (page, *(httpx.get(f"{service.url}/page/{name}") for name in names)):
        assert response.status_code == 200
        allowed = response.headers["Content-Security-Policy"]
        assert allowed.startswith("default-src 'self'; img-src 'self' data: blob:")
        assert "unsafe" not in allowed
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/page/../service.py", "/page/%2e%2e/service.py", "/page//etc/passwd"):
        connection = http.client.HTTPConnection(*service.address, timeout=10)  # which sends a path as it is
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()


def test_without_a_page_there_is_nothing_to_watch(small_network: Network, tmp_path: Path) -> None:
    with running(small_network, tmp_path, page=False) as service:
        for method, path in (
            ("GET", "/"),
            ("GET", "/v1/grid"),
            ("POST", "/v1/watch"),
            ("GET", "/page/page.js"),
        ):
            assert httpx.request(method, f"{service.url}{path}").status_code == 404
        assert httpx.get(f"{service.url}/v1/info").status_code == 200
