"""Where real recordings are, for tests whose claim is about audio."""

from __future__ import annotations

from pathlib import Path

import pytest

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"


def recording(path: str) -> Path:
    """A real recording by its path; the test is skipped, with the reason, where it is absent."""
    file = AUDIO / path
    if not file.exists():
        pytest.skip(f"real recording {path} is not here")
    return file
