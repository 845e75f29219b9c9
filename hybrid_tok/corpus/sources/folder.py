"""A folder of recordings: each one an entry whose id is its path from the folder on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hybrid_tok.corpus.audio import probe_seconds
from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.sources.files import absolute
from hybrid_tok.corpus.store import Store, local_path
from hybrid_tok.errors import CorpusError, printable

ENDINGS = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".au", ".caf", ".w64"}
    | {".wma", ".webm", ".mp4", ".mka", ".mkv", ".amr", ".sph"}
)
"""Of the files that are taken for recordings."""


def read(address: str) -> Iterator[Entry | BadLine]:
    """The recordings below a folder, sorted folder by folder; hidden files and folders are left out.

    Raises:
        CorpusError: it is no folder, or there is none in it.
    """
    found = False
    path = local_path(absolute(address))
    for entry in _local(path) if path is not None else _remote(address):
        found = True
        yield entry
    if not found:
        raise CorpusError(f"{address}: no recordings below it ({', '.join(sorted(ENDINGS))})")


def is_recording(name: str) -> bool:
    """Whether a file is taken for a recording, by its path."""
    path = PurePosixPath(name)
    return path.suffix.lower() in ENDINGS and not any(part.startswith(".") for part in path.parts)


def _local(root: Path) -> Iterator[Entry | BadLine]:
    faults: list[OSError] = []
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, onerror=faults.append, followlinks=True):
        # A link to a folder above would go round for ever.
        inside = {name: os.path.realpath(f"{folder}/{name}") for name in folders if not name.startswith(".")}
        folders[:] = sorted(name for name, real in inside.items() if real not in seen)
        seen.update(inside.values())
        for fault in faults:
            yield BadLine(printable(str(fault.filename)), f"cannot be listed ({fault.strerror})")
        faults.clear()
        for name in sorted(names):
            if is_recording(name):
                yield _entry(Path(folder) / name, root)
    for fault in faults:
        yield BadLine(printable(str(fault.filename)), f"cannot be listed ({fault.strerror})")


def _entry(path: Path, root: Path) -> Entry | BadLine:
    id = path.relative_to(root).as_posix()
    try:
        id.encode()
    except UnicodeEncodeError:
        return BadLine(printable(id), "its name is not UTF-8: rename it")
    return Entry(id, AudioPlace(str(path), duration=_seconds(path)), id)


def _seconds(path: Path) -> float | None:
    """As the header has it; who cannot read the file says so when it is encoded."""
    try:
        if path.is_file():
            with path.open("rb") as file:
                return probe_seconds(file)
    except OSError:
        pass
    return None


def _remote(address: str) -> Iterator[Entry]:
    for name in Store(address).below():
        if is_recording(name):
            yield Entry(name, AudioPlace(f"{address.rstrip('/')}/{name}"), name)
