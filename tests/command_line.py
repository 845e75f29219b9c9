"""The command, run as users run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(
    *arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `hybrid-tok` in a process of its own."""
    command = [sys.executable, "-m", "hybrid_tok", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=300)
