"""Decoded recordings and transcripts in the folders of other evaluation tools.

- versa: `gt/`, `pred/` and `text` for VERSA's `scorer.py --gt gt --pred pred --text text --io dir`: 16-bit WAV at
  16 kHz, and a line `NAME.wav transcript` for each recording with a transcript (files are known by their whole names).
- wesr: `predictions.jsonl` for WESR-Bench: `{"audio": {"path"}, "sentence"}` with tags where events are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from hybrid_tok.audio import write_wav
from hybrid_tok.bench import wesr
from hybrid_tok.bench.suites import Entry
from hybrid_tok.bench.systems import System, Systems
from hybrid_tok.core.atomic_write import atomic_folder
from hybrid_tok.errors import HybridTokError, OptionsError

OnEntry = Callable[[Entry, str | None], None]
"""Called with each recording, and with why it was left out, if it was."""


def export(form: str, entries: Sequence[Entry], system: str, out: Path, on_entry: OnEntry | None = None) -> int:
    """Write a folder for another tool; returns how many recordings are in it.

    A recording that cannot be read, or that the system fails on, is left out.

    Args:
        form: one of `FORMATS`.
        system: as `System.parse` reads it.
        out: the folder, which appears when it is complete.

    Raises:
        OptionsError: there is no such form or system, the folder exists, or the form needs a system of ours.
    """
    if form not in FORMATS:
        raise OptionsError(f"no format is called {form!r}; there are: {', '.join(FORMATS)}")
    if form == "wesr" and not System.parse(system).ours:
        raise OptionsError(f"WESR-Bench takes transcripts with tags, which {system!r} has not: name a preset")
    if out.exists():
        raise OptionsError(f"{out} exists: choose another -o, or remove it")
    systems = Systems(keep=1)
    System.parse(system)
    with atomic_folder(out) as folder:
        written = FORMATS[form](entries, systems, system, folder, on_entry or (lambda entry, error: None))
        if not written:
            raise OptionsError(f"not one of {len(entries)} recordings could be written: see the errors above")
    return written


def _versa(entries: Sequence[Entry], systems: Systems, system: str, out: Path, on_entry: OnEntry) -> int:
    names = _file_names(entries)
    lines: list[str] = []
    written = 0
    for folder in ("gt", "pred"):
        (out / folder).mkdir()
    for entry in entries:
        error: str | None = None
        try:
            audio = entry.read()
            decoded = systems.render(system, entry.name, audio).audio
            truth = entry.truth(audio)
            write_wav(out / "gt" / f"{names[entry.name]}.wav", audio)
            write_wav(out / "pred" / f"{names[entry.name]}.wav", decoded)
            written += 1
            if truth.text:
                lines.append(f"{names[entry.name]}.wav {' '.join(truth.text.split())}\n")
        except (HybridTokError, OSError) as failed:
            error = str(failed)
        on_entry(entry, error)
    if lines:
        (out / "text").write_text("".join(lines), "utf-8")
    return written


def _wesr(entries: Sequence[Entry], systems: Systems, system: str, out: Path, on_entry: OnEntry) -> int:
    lines: list[str] = []
    for entry in entries:
        error: str | None = None
        try:
            analysis = systems.analyze(system, entry.name, entry.read())
            lines.append(wesr.to_line(entry.name, wesr.sentence_of(analysis.stream)) + "\n")
        except (HybridTokError, OSError) as failed:
            error = str(failed)
        on_entry(entry, error)
    (out / "predictions.jsonl").write_text("".join(lines), "utf-8")
    return len(lines)


def _file_names(entries: Sequence[Entry]) -> Mapping[str, str]:
    """A flat name for each recording, without a suffix: VERSA knows files by their names alone."""
    flat = {entry.name: Path(entry.name).with_suffix("").as_posix().replace("/", "__") for entry in entries}
    taken: dict[str, str] = {}
    for name, short in flat.items():
        if short in taken:
            raise OptionsError(f"{taken[short]} and {name} would both be {short}.wav: rename one")
        taken[short] = name
    return MappingProxyType(flat)


FORMATS: Mapping[str, Callable[[Sequence[Entry], Systems, str, Path, OnEntry], int]] = MappingProxyType(
    {"versa": _versa, "wesr": _wesr}
)
