"""Processes that are connected, each in a thread here, and what they hear of one another."""

import socket
import threading
from dataclasses import replace
from queue import Queue

import pytest

from dyninf import roll_call
from dyninf.roll_call import FirstProcess, Member, OtherProcess

SECONDS = 10


class Heard:
    """What one side was told."""

    def __init__(self) -> None:
        self.lost: Queue[Member] = Queue()
        self.ended: Queue[int] = Queue()


def connected(size: int) -> tuple[FirstProcess, list[OtherProcess], list[Heard]]:
    heard = [Heard() for _ in range(size)]
    first = FirstProcess("127.0.0.1", size, heard[0].lost.put, heard[0].ended.put)
    waiting = threading.Thread(target=first.wait_for_all)
    waiting.start()
    others = [
        OtherProcess(first.place, rank, heard[rank].lost.put, heard[rank].ended.put)
        for rank in range(1, size)
    ]
    waiting.join(SECONDS)
    assert not waiting.is_alive()
    return first, others, heard


def cut(process: OtherProcess) -> None:
    """What the end of a process does to its connection."""
    process._connection.shutdown(socket.SHUT_RDWR)


def test_all_end_when_one_is_gone_without_a_word() -> None:
    first, others, heard = connected(4)
    cut(others[1])
    assert heard[0].lost.get(timeout=SECONDS).rank == 2
    for rank in (1, 3):
        assert heard[rank].ended.get(timeout=SECONDS) == 2
        cut(others[rank - 1])
    assert heard[0].ended.get(timeout=SECONDS) == 2
    assert heard[0].lost.empty()
    assert first.may_tell(1) is False


def test_of_processes_that_fail_together_one_tells_why() -> None:
    first, others, heard = connected(3)
    assert others[0].may_tell(7) is True
    assert heard[2].ended.get(timeout=SECONDS) == 7
    assert first.may_tell(1) is False
    for other in others:
        cut(other)
    assert heard[0].ended.get(timeout=SECONDS) == 7
    assert heard[0].lost.empty()


def test_processes_that_leave_one_by_one_are_not_missed() -> None:
    first, others, heard = connected(3)
    for other in others:
        other.leave()
        cut(other)
    first._thread.join(SECONDS)
    assert not first._thread.is_alive()
    assert all(one.lost.empty() and one.ended.empty() for one in heard[:1])


def test_a_process_may_tell_what_is_wrong_when_the_first_one_has_left() -> None:
    first, [other], heard = connected(2)
    first.leave()
    assert other.may_tell(1) is True
    assert heard[1].lost.empty()


def test_a_stranger_is_not_let_in_and_a_missing_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "CONNECT_SECONDS", 0.5)
    heard = Heard()
    first = FirstProcess("127.0.0.1", 2, heard.lost.put, heard.ended.put)
    port = first.place.port
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(b"x" * 5000)
        OtherProcess(replace(first.place, secret="0" * 32), 1, heard.lost.put, heard.ended.put)
        with pytest.raises(
            TimeoutError, match=rf"process 1 of 2 did not connect to 127\.0\.0\.1:{port} within"
        ):
            first.wait_for_all()
    assert heard.lost.get(timeout=SECONDS).rank == 0  # of the one with another secret: it was hung up on


def test_a_first_process_that_cannot_be_reached_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = roll_call.Place(Member.me(0), "127.0.0.1", port, "secret")
    heard = Heard()
    with pytest.raises(OSError, match=rf"process 1 cannot reach process 0 at 127\.0\.0\.1:{port}"):
        OtherProcess(place, 1, heard.lost.put, heard.ended.put)
