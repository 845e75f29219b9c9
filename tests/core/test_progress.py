from __future__ import annotations

import pytest

from hybrid_tok.core.progress import StageTimer


def test_stages_add_up_and_keep_their_order() -> None:
    timer = StageTimer()
    for name in ("b", "a", "b"):
        with timer.stage(name):
            pass
    assert list(timer.seconds) == ["b", "a"]
    assert all(spent >= 0 for spent in timer.seconds.values())
    assert timer.progress("a") is None


def test_a_failing_stage_is_timed_and_never_reported_as_done() -> None:
    heard: list[tuple[str, float, float]] = []
    timer = StageTimer(lambda stage, done, total: heard.append((stage, done, total)))
    with pytest.raises(RuntimeError), timer.stage("a"):
        raise RuntimeError
    assert "a" in timer.seconds
    assert heard == [("a", 0.0, 1.0)]


def test_progress_reaches_the_listener() -> None:
    heard: list[tuple[str, float, float]] = []
    progress = StageTimer(lambda *told: heard.append(told)).progress("recognizer")
    assert progress is not None
    progress(3.0, 10.0)
    assert heard == [("recognizer", 3.0, 10.0)]
