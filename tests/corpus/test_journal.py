"""The journal of a shard: what was begun, what came out of it, and whose try counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.corpus.journal import Journal, Result
from hybrid_tok.corpus.pieces import Piece
from hybrid_tok.corpus.rows import Columns, Failure, Row
from hybrid_tok.corpus.step import Heard
from hybrid_tok.corpus.store import Store

COLUMNS = Columns(0.5, 0.25, 0.25, 2, "a ü", ("en",), ("0",), ("laugh",), 0.5, None, 16_000, 320, 1, 320)
ROW = Row("a/b", np.asarray([1, 70_000], np.int32), 0.02, COLUMNS)
FAILURE = Failure("m, line 3", "unreadable", "is no audio", "c", "c.wav")
PIECE = Piece((1, 2), 320, 16_000, 1, Heard(320, 1, 0.5, 1, 0.25), {3: ((0.5, -0.5), 1.25)})


def journal(folder: Path, run: str = "run1", every_run: bool = False) -> Journal:
    return Journal(Store(folder), 0, run, every_run)


@pytest.mark.parametrize("outcome", [ROW, FAILURE, PIECE], ids=["row", "failure", "piece"])
def test_outcomes_go_through_lines(outcome: Row | Failure | Piece) -> None:
    line = Result(3, 1, outcome).to_line()
    found = Result.from_line(line)
    assert line.count(b"\n") == 1 and (found.entry, found.piece) == (3, 1)
    if isinstance(outcome, Row):
        assert isinstance(found.outcome, Row)
        assert found.outcome.ids.dtype == np.int32
        assert (found.outcome.id, found.outcome.ids.tolist(), found.outcome.columns) == ("a/b", [1, 70_000], COLUMNS)
    else:
        assert found.outcome == outcome


def test_results_come_in_the_order_of_entries(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.write(1, [Result(0, 0, FAILURE), Result(3, 0, FAILURE)])
    assert first.is_done(1) and not first.is_done(0) and first.count_done() == 1
    journal(tmp_path, "run2").write(0, [Result(2, 0, FAILURE), Result(1, 1, PIECE), Result(1, 0, PIECE)])
    assert first.count_done() == 2
    assert [(one.entry, one.piece) for one in first.read(2)] == [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0)]
    first.remove()
    assert journal(tmp_path).count_done() == 0


def test_what_a_killed_process_had_begun_is_known_to_the_next(tmp_path: Path) -> None:
    assert not journal(tmp_path).was_begun(4)
    journal(tmp_path).begin(4)
    assert journal(tmp_path).was_begun(4) and journal(tmp_path, "run2").was_begun(4)
    assert not journal(tmp_path).was_begun(40)


def test_tries_of_an_earlier_run_count_only_where_a_death_ends_the_run(tmp_path: Path) -> None:
    journal(tmp_path, "run1").begin_alone(0, 5)
    journal(tmp_path, "run1").begin_alone(0, 5)
    assert journal(tmp_path, "run1").tries(0, 5) == 2
    assert journal(tmp_path, "run2").tries(0, 5) == 0
    assert journal(tmp_path, "run2", every_run=True).tries(0, 5) == 2
    assert journal(tmp_path, "run1").tries(0, 50) == 0


def test_a_try_whose_end_was_asked_for_does_not_count(tmp_path: Path) -> None:
    one = journal(tmp_path)
    one.begin_alone(0, 1)
    one.withdraw_alone(0, 1)
    assert journal(tmp_path).tries(0, 1) == 0


def test_parts_by_themselves_are_kept(tmp_path: Path) -> None:
    assert journal(tmp_path).result_alone(0, 1) is None
    journal(tmp_path).write_alone(0, 1, Result(7, 0, FAILURE))
    assert journal(tmp_path).result_alone(0, 1) == Result(7, 0, FAILURE)
    assert journal(tmp_path).count_done() == 0
