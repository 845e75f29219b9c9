"""A missing real recording is no reason to pass."""

from __future__ import annotations

import pytest

from real_audio import recording


def test_a_missing_recording_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"dev/nowhere\.flac is not here"):
        recording("dev/nowhere.flac")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match=r"dev/nowhere\.flac is not here"):
        recording("dev/nowhere.flac")
