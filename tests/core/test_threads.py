from __future__ import annotations

import os
from pathlib import Path

import pytest

from hybrid_tok.core import threads
from hybrid_tok.core.threads import VARIABLE, thread_count
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
