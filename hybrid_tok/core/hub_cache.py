"""The local cache of the Hugging Face hub, by its rules for paths: without its library, and without a download."""

from __future__ import annotations

import os
from pathlib import Path


def hub_cache() -> Path:
    """Where it is; it need not exist."""
    if given := os.environ.get("HF_HUB_CACHE"):
        return Path(given).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"


def hub_snapshot(repository: str, revision: str | None = None) -> Path | None:
    """A repository's folder in it: at a commit, or at its main branch, or at the only commit there; None if absent."""
    folder = hub_cache() / f"models--{repository.replace('/', '--')}"
    main = folder / "refs" / "main"
    if revision is None and main.is_file():
        revision = main.read_text("utf-8").strip()
    held = sorted((folder / "snapshots").glob(revision or "*"))
    return held[0] if len(held) == 1 and held[0].is_dir() else None
