"""Real recordings, for tests whose claim is about audio."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from hybrid_tok.core.manifest import read_manifest

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"


def recording(path: str) -> Path:
    """A real recording by its path. Where it is absent the test is skipped, with the reason; in CI (environment
    variable CI) it fails."""
    file = AUDIO / path
    if not file.exists():
        missing = f"real recording {path} is not here"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return file


def transcript(path: str) -> str:
    """What is said in a real recording of `dev`."""
    return _transcripts()[str(Path(path).relative_to("dev"))]


@cache
def _transcripts() -> dict[str, str]:
    return {clip.name: clip.text or "" for clip in read_manifest(AUDIO / "dev")}
