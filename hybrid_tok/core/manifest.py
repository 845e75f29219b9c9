"""Folders of clips with a `manifest.jsonl`: the data of recipes and benchmarks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, and what is known about it; None where nothing is.

    Attributes:
        path: the audio file.
        name: the same as the manifest has it, relative to its folder.
        source: the data set it comes from; its first folder unless stated.
        text: what is said in it, words separated by spaces.
        label: the sound in it, where it is a labelled sound.
        speaker: who speaks in it.
        licence: of the recording.
    """

    path: Path
    name: str
    source: str
    text: str | None = None
    label: str | None = None
    speaker: str | None = None
    licence: str | None = None


_OPTIONAL = ("text", "label", "speaker", "licence")


def read_manifest(folder: Path) -> list[Clip]:
    """The clips of a folder: a line of JSON each, with `audio`, and the other fields of `Clip` where known.

    Raises:
        OptionsError: there is no manifest, or a line of it is no such clip.
    """
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise OptionsError(f"{manifest}: no such file; a folder of clips needs a manifest.jsonl with a line per clip")
    clips: list[Clip] = []
    for number, line in enumerate(manifest.read_text("utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            known = {key: str(entry[key]) for key in _OPTIONAL if entry.get(key) is not None}
            name = str(entry["audio"])
            clips.append(Clip(folder / name, name, entry.get("source") or Path(name).parts[0], **known))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise OptionsError(f"{manifest}, line {number}: not a clip with an 'audio' path ({error})") from None
    return clips
