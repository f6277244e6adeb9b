"""``python -m dyninf.serve``: a process that answers what predict answers, and ends when it is told to."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import ENVIRONMENT, Finished
from tests.networks import require_package

from dyninf import checkpoint_file
from dyninf.configuration import make

Command = Callable[..., Finished]

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\nContent-Length: 99\r\n\r\n"


@pytest.fixture(autouse=True)
def _needs_the_extra() -> None:
    require_package("fastapi")


@pytest.fixture
def checkpoint(run_of: Callable[[str], Path]) -> str:
    return f"checkpoint={run_of('joint')}/checkpoints/best.ckpt"


@pytest.fixture
def videos(run_of: Callable[[str], Path]) -> list[Path]:
    """Those of the test split of the tiny run."""
    file = checkpoint_file.read(run_of("joint") / "checkpoints/best.ckpt")
    return [video.path for video in make(file.config.dataset).videos("test")]


@contextmanager
def serving(*overrides: str, cwd: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """A process with its address, once it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dyninf.serve", *overrides, "runtime=eager", "port=0"],
        cwd=cwd,
        env=os.environ | ENVIRONMENT | {"TMPDIR": str(cwd)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Serving on http://127.0.0.1:"), process.communicate()
        yield process, line.split()[2]
    finally:
        process.kill()
        process.wait()


def test_it_answers_as_predict_does_and_ends_with_what_is_under_way(
    checkpoint: str, videos: list[Path], here: Path, command: Command
) -> None:
    offline = "policy.threshold=0.1"
    sources = here / "videos"
    sources.mkdir()
    for number, video in enumerate(videos[:4]):
        (sources / f"{number}.mp4").write_bytes(video.read_bytes())
    command("predict", checkpoint, "source=videos", "runtime=eager", offline, "output=rows.jsonl").check()
    rows = [json.loads(line) for line in (here / "rows.jsonl").read_text().splitlines()]
    with serving(checkpoint, offline, cwd=here) as (process, url):
        assert httpx.get(f"{url}/health").status_code == 200
        assert httpx.get(f"{url}/v1/info").json()["classes"] == 12
        for row in rows:
            answer = post(url, here / row["path"]).json()
            for key in ("label", "class", "checkpoint"):
                assert answer[key] == row[key]
            assert answer["probability"] == pytest.approx(row["probability"], abs=1e-4)
            assert answer["gmacs"] == pytest.approx(row["gmacs"])
            watched = httpx.post(
                f"{url}/v1/watch", files={"video": (here / row["path"]).read_bytes()}, timeout=60
            )
            [line] = re.findall(r"^event: answer\ndata: (.*)$", watched.text, re.MULTILINE)
            told = json.loads(line)
            assert {key: told[key] for key in ("label", "checkpoint", "gmacs")} == {
                key: answer[key] for key in ("label", "checkpoint", "gmacs")
            }
            assert told["probability"] == pytest.approx(row["probability"], abs=1e-4)
        assert httpx.get(url).text.startswith("<!doctype html>")
        bad = httpx.post(f"{url}/v1/predict", files={"video": b"no video"})
        assert bad.status_code == 415
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        assert 'dyninf_requests_total{status="200"} 4.0' in lines
        assert 'dyninf_requests_total{status="415"} 1.0' in lines
        exits = [float(line.split()[-1]) for line in lines if line.startswith("dyninf_exits_total")]
        assert sum(exits) == 4
        spent, full = (
            float(line.split()[-1])
            for name in ("dyninf_gmacs_total ", "dyninf_full_gmacs_total ")
            for line in lines
            if line.startswith(name)
        )
        assert spent == pytest.approx(sum(row["gmacs"] for row in rows))
        assert full >= spent > 0

        # Asked for by many when the signal comes: whoever was heard is answered, nobody is left hanging.
        statuses: list[int | str] = []
        threads = [threading.Thread(target=ask, args=(url, videos[0], statuses)) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert len(statuses) == 16
        assert set(statuses) <= {200, 503, "refused"}
    assert not list(here.glob("dyninf-*"))


def test_ctrl_c_ends_it_well_while_an_upload_stalls(checkpoint: str, here: Path) -> None:
    settings = ("policy.threshold=0.1", "upload_seconds=1", "page=false")
    with serving(checkpoint, *settings, cwd=here) as (process, url):
        assert httpx.get(url).status_code == 404
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(HEAD + b"begun")
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert connection.recv(1000).startswith(b"HTTP/1.1 408")
        assert process.wait(60) == 0


def test_what_is_wrong_is_said_in_one_line(command: Command, checkpoint: str, here: Path) -> None:
    def refused(words: str, *overrides: str) -> None:
        assert_refused(command("serve", *overrides), "serve", here, *words.split(","))

    ready = (checkpoint, "policy.threshold=0.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"port={taken.getsockname()[1]}"
        refused(f"{port},in use", *ready, port)
    refused("port", *ready, "port=-1")
    refused("no.such.host.invalid", *ready, "host=no.such.host.invalid")
    refused("max_queue", *ready, "max_queue=0")
    refused("page must be true or false", *ready, "page=maybe")
    refused("memory_mb", *ready, "memory_mb=1", "batch=4096", "runtime=eager", "port=0")
    refused("takes 4 frames a clip,dataset.num_frames is 16", *ready, "dataset.num_frames=16", "port=0")
    refused("checkpoint")


def test_missing_packages_are_named_with_the_command_that_installs_them(checkpoint: str, here: Path) -> None:
    code = (
        "import sys; sys.modules['fastapi'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'fastapi' else find(name, *a)\n"
        f"sys.argv = ['dyninf.serve', {checkpoint!r}]\n"
        "from dyninf.serve import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here, env=os.environ | ENVIRONMENT, capture_output=True, text=True
    )
    finished = Finished(done.returncode, done.stdout, done.stderr)
    assert_refused(finished, "serve", here, "pip install 'dyninf[serve]'")


def post(url: str, video: Path) -> httpx.Response:
    return httpx.post(f"{url}/v1/predict", files={"video": video.read_bytes()}, timeout=60)


def ask(url: str, video: Path, statuses: list[int | str]) -> None:
    try:
        statuses.append(post(url, video).status_code)
    except httpx.TransportError:  # its request had not been read yet
        statuses.append("refused")
