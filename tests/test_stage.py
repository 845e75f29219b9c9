from __future__ import annotations

import pytest

from hybrid_tok.stage import StageClock


def test_stages_add_up_and_keep_their_order() -> None:
    clock = StageClock()
    for name in ("b", "a", "b"):
        with clock.stage(name):
            pass
    assert list(clock.seconds) == ["b", "a"]
    assert all(spent >= 0 for spent in clock.seconds.values())
    assert clock.progress("a") is None


def test_a_failing_stage_is_timed_and_never_reported_as_done() -> None:
    heard: list[tuple[str, float, float]] = []
    clock = StageClock(lambda stage, done, total: heard.append((stage, done, total)))
    with pytest.raises(RuntimeError), clock.stage("a"):
        raise RuntimeError
    assert "a" in clock.seconds
    assert heard == [("a", 0.0, 1.0)]


def test_progress_reaches_the_listener() -> None:
    heard: list[tuple[str, float, float]] = []
    progress = StageClock(lambda *told: heard.append(told)).progress("recognizer")
    assert progress is not None
    progress(3.0, 10.0)
    assert heard == [("recognizer", 3.0, 10.0)]
