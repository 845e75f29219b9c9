"""Writes annotations in the formats of other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import OptionsError
from hybrid_tok.formats import audacity, ctm, native, rttm, srt, textgrid, webvtt


@dataclass(frozen=True, slots=True)
class Format:
    """A format that can be written.

    Attributes:
        suffix: of its files.
        holds: which parts of the annotations read back exactly, with their confidences. Subtitles have no confidences:
            words read back from them have that of words whose file has none.
    """

    suffix: str
    holds: tuple[str, ...]
    text: Callable[[Annotations, str, float], str]


def _plain(write: Callable[[Annotations, str], str]) -> Callable[[Annotations, str, float], str]:
    return lambda annotations, name, seconds: write(annotations, name)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "ctm": Format(".ctm", ("words",), _plain(ctm.write)),
        "rttm": Format(".rttm", ("turns",), _plain(rttm.write)),
        "textgrid": Format(".TextGrid", ("words", "events", "turns"), _plain(textgrid.write)),
        "json": Format(".json", ("speech", "active", "words", "events", "turns"), native.write),
        "vtt": Format(".vtt", (), _plain(webvtt.write)),
        "srt": Format(".srt", (), _plain(srt.write)),
        "audacity": Format(".labels.txt", ("events",), _plain(audacity.write)),
    }
)
"""The formats that are written, by name."""


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Names of formats as keys of `FORMATS`, each once.

    Raises:
        OptionsError: there is no such format.
    """
    keys = tuple(dict.fromkeys(name.strip().lower() for name in names))
    for key in keys:
        if key not in FORMATS:
            raise OptionsError(f"no format is called {key!r}; there are: {', '.join(FORMATS)}")
    return keys


def file_names(name: str, formats: Sequence[str]) -> list[str]:
    """The files that `write_annotations` writes."""
    return [f"{name}{FORMATS[key].suffix}" for key in check_formats(formats)]


def write_annotations(
    annotations: Annotations, folder: str | Path, name: str, formats: Sequence[str], seconds: float
) -> list[Path]:
    """Write annotations to files `NAME.SUFFIX` in a folder: all of them, or none.

    Args:
        name: of the recording: the audio file's, without folder and suffix.
        formats: names as `check_formats` takes them.
        seconds: length of the recording.

    Returns:
        The files, in the order of `formats`.

    Raises:
        OptionsError: there is no such format.
        OSError: the folder is missing, or a file cannot be written.
    """
    chosen = [FORMATS[key] for key in check_formats(formats)]
    files = (Path(folder) / file for file in file_names(name, formats))
    texts = {file: one.text(annotations, name, seconds) for file, one in zip(files, chosen, strict=True)}
    for path in texts:
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder", str(path))
    with ExitStack() as stack:  # they take their places once the last is written
        for path, text in texts.items():
            stack.enter_context(atomic_write(path)).write(text.encode())
    return list(texts)
