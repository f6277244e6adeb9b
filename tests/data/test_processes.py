"""A process that crashes or hangs costs its own item and no other."""

import os
import signal
import time

import pytest

from dyninf.data.processes import Lost, each_in_a_process


def behave(how: str) -> str:
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "leave":
        os._exit(3)
    if how == "save":
        os.kill(os.getpid(), signal.SIGUSR1)
    if how == "hang":
        time.sleep(600)
    return how.upper()


def test_every_item_has_its_result_whatever_becomes_of_the_others() -> None:
    items = ["a", "crash", "b", "hang", "c", "leave", "d", "crash"]
    found = dict(each_in_a_process(behave, items, jobs=2, time_limit=3))
    assert [found[i] for i in (0, 2, 4, 6)] == ["A", "B", "C", "D"]
    crashed = Lost(False, "the process that read it crashed (SIGSEGV)")
    assert found[1] == found[7] == crashed
    assert found[3] == Lost(True, "took more than 3 s")
    assert found[5] == Lost(False, "the process that read it crashed (exit code 3)")
    assert len(found) == len(items)


def test_a_signal_that_asks_the_maker_to_save_is_not_for_them() -> None:
    assert dict(each_in_a_process(behave, ["save", "a"], jobs=1, time_limit=60)) == {0: "SAVE", 1: "A"}


def test_no_item_needs_no_process() -> None:
    assert list(each_in_a_process(behave, [], jobs=2, time_limit=1)) == []


def test_work_that_no_process_can_begin_is_said() -> None:
    def local(how: str) -> str:
        return how

    with pytest.raises((AttributeError, RuntimeError)):
        list(each_in_a_process(local, ["a"], jobs=1, time_limit=1))
