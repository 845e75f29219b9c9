"""`--voice`: who speaks a speaker's text: a published voice, a mixture of some, or the voice of a recording."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.space import is_voice, parse_mixture, voice_space

VoiceOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--voice",
        metavar="K=VOICE",
        help="Voice of speaker K: a name (0=af_heart), a mixture (0=af_heart:0.6+am_onyx:0.4), or a recording "
        "(0=other.wav), which needs the consent of whose voice it is.",
    ),
]

_SPEAKER = re.compile(r"([0-9]{1,9})=(.*)", re.DOTALL)


def read_voices(given: Sequence[str] | None, default_speaker: int | None = None) -> dict[int, str]:
    """Voices by speaker; that a recording can be read is found when it is.

    Args:
        default_speaker: who gets a voice that is given without a speaker; None refuses it.

    Raises:
        OptionsError: something is neither a voice nor a file, or a speaker has two voices.
    """
    voices: dict[int, str] = {}
    for one in given or ():
        if found := _SPEAKER.fullmatch(one):
            speaker, voice = int(found[1]), found[2]
        elif default_speaker is not None:
            speaker, voice = default_speaker, one
        else:
            raise OptionsError(f"--voice takes a speaker and a voice, such as 0=af_heart or 0=other.wav, not {one!r}")
        if speaker in voices:
            raise OptionsError(f"--voice was given twice for speaker {speaker}; give it once")
        _check(voice)
        voices[speaker] = voice
    return voices


def fallbacks(spoken_by: Mapping[str | None, str], chosen: str) -> list[str]:
    """A line for each language that another synthesizer spoke than the one chosen."""
    return [
        f"{LANGUAGES.get(language or '', language or 'text without a language')} has no {chosen.capitalize()} voice: "
        f"spoken by {name}"
        for language, name in spoken_by.items()
        if name != chosen
    ]


def _check(voice: str) -> None:
    if is_voice(voice):
        parse_mixture(voice)
    elif not Path(voice).is_file():
        names = voice_space().names
        near = difflib.get_close_matches(voice.lower(), names, 4, 0.4)
        meant = f"did you mean {', '.join(near)}?" if near else f"voices are {', '.join(names[:3])}, .."
        raise OptionsError(f"--voice {voice!r} is no file, and no voice: {meant}")
