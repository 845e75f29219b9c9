from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hybrid_tok.core import threads
from hybrid_tok.core.threads import VARIABLE, map_threads, thread_count
from hybrid_tok.errors import OptionsError


def test_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " 3 ")
    assert thread_count() == 3


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", "9999999999", "²"])
def test_what_is_no_number_of_threads_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(OptionsError, match=VARIABLE):
        thread_count()


@pytest.mark.parametrize(
    ("quota", "most"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 10**6), ("", 10**6)]
)
def test_a_containers_share_is_the_limit(
    quota: str, most: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    assert thread_count() == min(cores, most)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(count))
    assert map_threads(str, range(9)) == list("012345678")
    assert map_threads(str, ()) == []


def test_as_many_run_at_once_as_there_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "3")
    together = threading.Barrier(3, timeout=10)  # broken, and an error, unless three wait in it at once
    assert len(map_threads(lambda _: together.wait(), range(6))) == 6


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_failure_ends_it(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(count))
    begun, failed = [], threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        if item == 0:
            failed.set()
            raise ValueError(f"item {item}")
        failed.wait(10)
        threading.Event().wait(0.05)  # let the failure be seen before this thread takes another

    with pytest.raises(ValueError, match="item 0"):
        map_threads(work, range(100))
    assert len(begun) < 10
