"""Every request ends in the right answer or in a status that says what was wrong."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import torch
from tests.networks import NUM_CLASSES
from tests.service.running import (
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

from dyninf.data import Apart
from dyninf.grid import Network
from dyninf.service import Limits


def check_refused(service: Running, response: httpx.Response, status: int, *words: str) -> None:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    message = response.json()["error"]
    for word in words:
        assert word in message
    assert str(service.folder) not in message
    assert "upload-" not in message
    service.check_nothing_is_left()


def test_an_upload_is_answered_as_infer_answers_its_clip(
    service: Running, small_network: Network, video: Path
) -> None:
    form = service.post(video.read_bytes())
    headers = {"Content-Type": "video/mp4"}
    raw = httpx.post(f"{service.url}/v1/predict", content=video.read_bytes(), headers=headers)
    for response in (form, raw):
        assert response.status_code == 200, response.text
        check_answer(response.json(), small_network, video)
        assert 0 < response.json()["share_of_full"] <= 1
    service.check_nothing_is_left()


def test_other_fields_of_the_form_are_passed_over(service: Running, video: Path) -> None:
    fields = {"comment": "x" * 100_000}
    response = httpx.post(
        f"{service.url}/v1/predict", files={"video": video.read_bytes(), "other": b"no video"}, data=fields
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("how", "status", "word"),
    [
        ({}, 400, "no video"),
        ({"files": {"film": b"abc"}}, 400, "'video'"),
        ({"files": {"video": b""}}, 400, "0 bytes"),
        ({"files": [("video", b"abc"), ("video", b"abc")]}, 400, "more than one"),
        ({"content": b"abc", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"abc", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "form"),
        ({"json": {"video": "here"}}, 415, "application/json"),
        ({"files": {"video": b"certainly not a video"}}, 415, "not a video"),
        ({"files": {"video": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n"}}, 415, "video"),
        ({"files": {"video": b"ffconcat version 1.0\nfile clip.mp4\n"}}, 415, "video"),
    ],
)
def test_what_is_no_video_is_refused(service: Running, how: dict, status: int, word: str) -> None:
    check_refused(service, httpx.post(f"{service.url}/v1/predict", **how), status, word)


def test_a_damaged_or_too_short_video_is_told_from_a_file_of_another_kind(
    service: Running, video: Path, tmp_path: Path
) -> None:
    check_refused(service, service.post(video_of(tmp_path, frames=3).read_bytes()), 422, "3 frames")
    content = bytearray(video.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : start + len(content) // 2] = bytes(len(content) // 2)
    damaged = service.post(bytes(content))
    assert damaged.status_code in (415, 422), damaged.text
    check_refused(service, damaged, damaged.status_code, "the video: ")
    check_refused(service, service.post(video.read_bytes()[:600]), 415, "the video: ")


def test_limits_of_size_and_length(small_network: Network, video: Path, tmp_path: Path) -> None:
    limits = Limits(upload_mb=0.5, seconds=3.0)
    with running(small_network, tmp_path, limits) as service:
        large = bytes(2**20)
        check_refused(service, service.post(large), 413, "0.5 MB")
        chunks = (large[:1000] for _ in range(1000))
        headers = {"Content-Type": "video/mp4"}
        unannounced = httpx.post(f"{service.url}/v1/predict", content=chunks, headers=headers)
        check_refused(service, unannounced, 413, "0.5 MB")
        check_refused(service, service.post(video.read_bytes()), 422, "3.9 s", "3 s")
        # What is refused by its head need not be sent.
        assert status_of(raw_request(service, head(10**12))) == 413


@pytest.mark.parametrize(
    ("limits", "words"), [(Limits(frames=30), "max_frames=30"), (Limits(megapixels=0.003), "64 x 48")]
)
def test_too_many_frames_or_pixels_are_refused(
    small_network: Network, video: Path, tmp_path: Path, limits: Limits, words: str
) -> None:
    with running(small_network, tmp_path, limits) as service:
        check_refused(service, service.post(video.read_bytes()), 422, words)


def test_a_full_queue_refuses_before_the_body_is_sent(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    with running(small_network, tmp_path, Limits(queue=2)) as service:
        slow = [raw_request(service, head(1000) + b"begun") for _ in range(2)]
        until(lambda: service.metric("dyninf_clips_waiting") == 2)
        with raw_request(service, head(1000)) as refused:
            response = refused.recv(10_000).decode()
        assert response.startswith("HTTP/1.1 429")
        assert "\r\nretry-after: 1\r\n" in response
        for connection in slow:
            connection.close()
        service.check_nothing_is_left()
        assert service.post(video.read_bytes()).status_code == 200
        assert service.metric('dyninf_requests_total{status="499"}') == 2


def test_a_slow_upload_ends_with_408_and_slow_headers_with_the_connection(
    small_network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dyninf.service.server.SLACK", 0.3)
    with running(small_network, tmp_path, Limits(upload_seconds=0.3)) as service:
        assert status_of(raw_request(service, head(1000) + b"begun")) == 408
        with raw_request(service, head(1000)[:20]) as headless:
            assert headless.recv(1) == b""
        service.check_nothing_is_left()


def test_a_clip_that_takes_too_long_ends_with_503_and_is_dropped(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    gate = threading.Event()
    make = clips_for(small_network)

    def clip_of(path: Path) -> object:
        clip = make(path)
        group = clip.group
        clip.group = lambda number: gate.wait(20) and group(number)
        return clip

    with running(small_network, tmp_path, Limits(time_limit=0.5), clip_of, batch=1) as service:
        responses = [service.post(video.read_bytes()) for _ in range(2)]
        assert [response.status_code for response in responses] == [503, 503]
        assert all(response.headers["Retry-After"] for response in responses)
        assert service.metric("dyninf_clips_waiting") == 2  # a place is kept as long as its file
        gate.set()
        service.check_nothing_is_left()
        assert service.metric("dyninf_exits_total") == 1  # the second one had not begun


def test_a_client_that_goes_away_leaves_nothing(small_network: Network, video: Path, tmp_path: Path) -> None:
    content = video.read_bytes()
    with running(small_network, tmp_path) as service:
        raw_request(service, head(len(content)) + content[:2000]).close()
        raw_request(service, head(len(content)) + content).close()
        until(lambda: service.metric("dyninf_requests_total") == 2)
        service.check_nothing_is_left()
        assert service.metric('dyninf_requests_total{status="499"}') >= 1
        assert service.post(content).status_code == 200


def test_an_error_in_decoding_that_nobody_foresaw_ends_one_request_only(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    make = clips_for(small_network)
    fails = iter([True, False])

    def clip_of(path: Path) -> object:
        clip = make(path)
        if next(fails):
            clip.group = lambda number: 1 / 0
        return clip

    with running(small_network, tmp_path, clip_of=clip_of) as service:
        check_refused(service, service.post(video.read_bytes()), 500)
        assert service.post(video.read_bytes()).status_code == 200


def test_logits_that_are_not_finite_are_no_fault_of_the_video(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    make = clips_for(small_network)

    def clip_of(path: Path) -> object:
        clip = make(path)
        group = clip.group
        clip.group = lambda number: group(number) * torch.nan
        return clip

    with running(small_network, tmp_path, clip_of=clip_of) as service:
        check_refused(service, service.post(video.read_bytes()), 500)


def test_if_the_network_fails_everybody_is_told(
    small_network: Network, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(small_network, tmp_path, batch=1) as service:
        assert httpx.get(f"{service.url}/health").json() == {"status": "ok"}
        queues = service.service.worker._queues
        begun = threading.Event()

        def fail(*_: object) -> None:
            begun.wait(20)
            raise RuntimeError("out of memory")

        monkeypatch.setattr(queues, "_run", fail)
        responses: list[httpx.Response] = []
        threads = [
            threading.Thread(target=lambda: responses.append(service.post(video.read_bytes())))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        until(lambda: service.metric("dyninf_clips_waiting") == 3)
        until(lambda: service.service.worker._inbox.qsize() == 2)
        begun.set()
        for thread in threads:
            thread.join()
        assert [response.status_code for response in responses] == [500] * 3
        assert httpx.get(f"{service.url}/health").status_code == 503
        check_refused(service, service.post(video.read_bytes()), 503)


def test_info_and_unknown_routes(service: Running, small_network: Network) -> None:
    info = httpx.get(f"{service.url}/v1/info").json()
    assert info["network"] == small_network.name
    assert info["classes"] == NUM_CLASSES
    assert [c["name"] for c in info["checkpoints"]] == [c.name for c in small_network.checkpoints]
    assert info["policy"] == {"name": "MaxProbability", "thresholds": [0.5] * 11}
    for path, status in (("/nothing", 404), ("/v1/predict", 405)):
        response = httpx.get(f"{service.url}{path}")
        assert response.status_code == status
        assert list(response.json()) == ["error"]


def test_a_reader_that_hangs_or_dies_is_one_answer_and_is_replaced(
    small_network: Network, video: Path, tmp_path: Path
) -> None:
    content = video.read_bytes()
    with (
        Apart(timeout=1.0) as apart,
        running(small_network, tmp_path, reading=apart, page=False) as service,
    ):
        assert service.post(content).status_code == 200
        for number, word in ((signal.SIGSTOP, "took more than 1 s to read"), (signal.SIGSEGV, "SIGSEGV")):
            with harmed(apart, number):
                check_refused(service, service.post(content), 422, "the video: ", word)
            response = service.post(content)
            assert response.status_code == 200, response.text
            check_answer(response.json(), small_network, video)
        assert httpx.get(f"{service.url}/health").status_code == 200


@contextmanager
def harmed(apart: Apart, number: int) -> Iterator[None]:
    """Every process that reads gets this signal, as do those that take their places."""
    is_over = threading.Event()

    def harm() -> None:
        while not is_over.wait(0.01):
            for pid in apart.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    thread = threading.Thread(target=harm)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        for pid in apart.pids:
            os.kill(pid, signal.SIGCONT)
