"""`TokenizerOptions`: everything that can be chosen about a tokenizer besides its backends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from hybrid_tok.core.interfaces import WindowRule
from hybrid_tok.core.languages import check_language
from hybrid_tok.core.model_files import MODELS
from hybrid_tok.encode.channels import ChannelOptions, ChannelUse
from hybrid_tok.encode.gate import GateOptions
from hybrid_tok.errors import ContainerError, OptionsError
from hybrid_tok.tokens.idspace import Durations, Layout
from hybrid_tok.tokens.stream import Timing

ProsodyTokens: TypeAlias = Literal["none", "word"]
"""Whether pitch, energy and rate are written before each word."""

SynthesizerName: TypeAlias = Literal["kokoro", "espeak"]


@dataclass(frozen=True, slots=True)
class TokenizerOptions:
    """What can be chosen about a tokenizer besides its preset. None leaves the choice to the backend or the recording.

    Attributes:
        layout: `hybrid` (the gate chooses), `text` (words and event tags only) or `units` (units only).
        timing: `locked` (exactly as long, each item in its place) or `free` (the decoder's own pace).
        durations: in locked timing, a duration per text `run` or per `word`.
        num_codebooks: units written per 20 ms frame; None is the codec's default.
        run_length: write repeated frames once, with a count.
        rate_weight: what a token costs, in wrong words; 0 is a pure codec, infinity pure text.
        unit_merges: file of merged units, as `hybrid-tok train units` makes it, of as many codebooks as are written:
            frequent sequences of frames are one token each; None merges nothing.
        text_tokenizer: file of an LLM's own tokenizer (tokenizer.json, SentencePiece model); None is the bundled one.
        model: the recognizer's model: a model pack ("base", "tiny.en"), a folder, or a name on the Hugging Face hub
            that is in the local cache.
        language: the language spoken ("en", "zh", ..); None has it found, window by window.
        windows: `segment` (each speech segment is recognized by itself, as in a stream) or `packed` (as many as fit
            30 s at once: fewer and longer windows, which lose words).
        events: find laughter, breath and the like.
        diarize: tell speakers apart; without, all speech is one speaker's.
        speakers: how many there are, where that is known.
        diarize_channels: how speakers are told apart in a recording of several channels: in the `mix`; in each channel
            by itself (`separate`: one speaker or side per channel, overlap is certain, and a voice on two channels
            counts twice); `auto`, separately where the channels share next to nothing, else in the mix.
        voice: write a voice code at each speaker's first turn, so that decoded speech sounds like the speaker.
        prosody: `none`, or `word`: pitch, energy and rate before each word, which the decoder follows.
        speak_as: the language or espeak-ng voice that speaks all text; None follows the stream's language tags.
        synthesizer: `kokoro` or `espeak` (fast and robotic, in its own voice); None is the preset's.
        room_tone: fill what is between decoded units with the noise of the room heard in them.
        allow_truncated: of a recording that is not whole, encode what there is, with an `AudioWarning`.
        max_seconds: the longest audio that is decoded, all channels together: a stream of a few ids may ask for days.
    """

    layout: Layout = "hybrid"
    timing: Timing = "locked"
    durations: Durations = "run"
    num_codebooks: int | None = None
    run_length: bool = False
    rate_weight: float = GateOptions().rate_weight
    unit_merges: str | None = None
    text_tokenizer: str | None = None
    model: str = "base"
    language: str | None = None
    windows: WindowRule = "segment"
    events: bool = True
    diarize: bool = True
    speakers: int | None = None
    diarize_channels: ChannelUse = "auto"
    voice: bool = True
    prosody: ProsodyTokens = "none"
    speak_as: str | None = None
    synthesizer: SynthesizerName | None = None
    room_tone: bool = True
    allow_truncated: bool = False
    max_seconds: float = 6 * 3600.0

    def __post_init__(self) -> None:
        chosen = [("prosody", ProsodyTokens), ("windows", WindowRule)]
        if self.synthesizer is not None:
            chosen.append(("synthesizer", SynthesizerName))
        for option, choices in chosen:
            if getattr(self, option) not in get_args(choices):
                allowed = " or ".join(get_args(choices))
                raise OptionsError(f"{option} must be {allowed}, not {getattr(self, option)!r}")
        if self.language is not None:
            check_language(self.language)
        if self.speakers is not None and self.speakers < 1:
            raise OptionsError(f"speakers={self.speakers}: give 1 or more, or None to have them counted")
        if self.speakers is not None and not self.diarize:
            raise OptionsError(f"speakers={self.speakers} is a number of voices to tell apart: it needs diarize=True")
        if not self.max_seconds > 0.0:
            raise OptionsError(f"max_seconds must be above 0, not {self.max_seconds}")
        ChannelOptions(self.diarize_channels)
        if self.diarize_channels == "separate" and not self.diarize:
            raise OptionsError("diarize_channels='separate' tells speakers apart: it needs diarize=True (--diarize)")


DECODER_OPTIONS = ("unit_merges", "text_tokenizer", "speak_as", "synthesizer", "room_tone", "max_seconds")
"""What can be chosen when a file is decoded: paths of this machine, and the decoder's own choices."""

LOCAL_OPTIONS = (*DECODER_OPTIONS, "allow_truncated")
"""Options a `.hyt` file does not hold."""


def options_of_file(name: str, held: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a file holds, which may be anyone's: none that a file cannot have, each of its type.

    Raises:
        ContainerError: something else; the message has the file's name and the option's.
    """
    hints = get_type_hints(TokenizerOptions)
    for option, value in held.items():
        if option not in hints or option in LOCAL_OPTIONS:
            raise ContainerError(f"{name}: its header has the option {option!r:.40}, which no file holds")
        if not _is_of(value, hints[option]) or (isinstance(value, str) and not _NAME.fullmatch(value)):
            raise ContainerError(f"{name}: its header has {option}={value!r:.40}, which is no value of that option")
    return dict(held)


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a type of an option: a class, a literal, or a union of them."""
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return any(_is_of(value, part) for part in get_args(kind))
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind


_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
"""A model, a language or a choice; no path of a machine."""


def written_options(options: TokenizerOptions) -> dict[str, Any]:
    """The options a file holds; the model only by name, never a path of this machine."""
    held = {field.name: getattr(options, field.name) for field in fields(options) if field.name not in LOCAL_OPTIONS}
    path = Path(options.model).expanduser()
    if options.model not in MODELS and (path.exists() or path.is_absolute()):
        del held["model"]
    return held
