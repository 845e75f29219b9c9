"""`TokenizerOptions`: everything that can be chosen about a tokenizer besides its backends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from hybrid_tok.core.annotations import check_speaker_count
from hybrid_tok.core.interfaces import STAGES, WindowRule
from hybrid_tok.core.languages import check_language
from hybrid_tok.core.local_models import is_name
from hybrid_tok.core.model_files import MODELS
from hybrid_tok.encode.channels import ChannelOptions, ChannelUse
from hybrid_tok.encode.gate import GateOptions
from hybrid_tok.errors import ContainerError, OptionsError
from hybrid_tok.tokens.idspace import Durations, Layout
from hybrid_tok.tokens.stream import Timing

ProsodyTokens: TypeAlias = Literal["none", "word"]
"""Whether pitch, energy and rate are written before each word."""


@dataclass(frozen=True, slots=True)
class TokenizerOptions:
    """What can be chosen about a tokenizer besides its preset. None leaves the choice to the backend or the recording.

    Attributes:
        layout: `hybrid` (the gate chooses), `text` (words and event tags only) or `units` (units only).
        timing: `locked` (exactly as long, each item in its place) or `free` (the decoder's own pace).
        durations: in locked timing, a duration per text `run` or per `word`.
        num_codebooks: units written per frame of the codec; None is the codec's default.
        event_codebooks: the same in laughs, breaths and the like, which need fewer; None is as many.
        run_length: write repeated frames once, with a count.
        rate_weight: what a token costs, in wrong words; 0 is a pure codec, infinity pure text.
        unit_merges: file of merged units, as `hybrid-tok train units` makes it, of as many codebooks as are written:
            frequent sequences of frames are one token each; None merges nothing.
        text_tokenizer: file of an LLM's own tokenizer (tokenizer.json, SentencePiece model); None is the bundled one.
        model: the recognizer's model: a model pack ("base", "tiny.en"), a folder, or a name on the Hugging Face hub
            that is in the local cache.
        language: the language spoken ("en", "zh", ..); None has it found, window by window.
        windows: `segment` (each speech segment is recognized by itself), `packed` (as many as fit 30 s at once: fewer
            and longer windows, which lose words) or `live` (shorter segments, and whatever listens looks ahead by a
            fraction of a second at most, so that the tokens of a stream are final soon).
        events: find laughter, breath and the like.
        diarize: tell speakers apart; without, all speech is one speaker's.
        speakers: how many there are, where that is known.
        diarize_channels: how speakers are told apart in a recording of several channels: in the `mix`; in each channel
            by itself (`separate`: one speaker or side per channel, overlap is certain, and a voice on two channels
            counts twice); `auto`, separately where the channels share next to nothing, else in the mix.
        voice: write a voice code at each speaker's first turn, so that decoded speech sounds like the speaker.
        prosody: `none`, or `word`: pitch, energy and rate before each word, which the decoder follows.
        speak_as: the language or espeak-ng voice that speaks all text; None follows the stream's language tags.
        room_tone: fill what is between decoded units with the noise of the room heard in them.
        allow_truncated: of a recording that is not whole, encode what there is, with an `AudioWarning`.
        max_seconds: the longest audio that is decoded, all channels together: a stream of a few ids may ask for days.
        voice_activity, recognizer, aligner, tagger, diarizer, codec, synthesizer: the backend of a stage, NAME or
            NAME:MODEL; None is the preset's.
        device: where backends compute that can be told: cpu, cuda, cuda:N. Ids may differ between devices.
    """

    layout: Layout = "hybrid"
    timing: Timing = "locked"
    durations: Durations = "run"
    num_codebooks: int | None = None
    event_codebooks: int | None = None
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
    room_tone: bool = True
    allow_truncated: bool = False
    max_seconds: float = 6 * 3600.0
    voice_activity: str | None = None
    recognizer: str | None = None
    aligner: str | None = None
    tagger: str | None = None
    diarizer: str | None = None
    codec: str | None = None
    synthesizer: str | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        for option, choices in (("prosody", ProsodyTokens), ("windows", WindowRule)):
            if getattr(self, option) not in get_args(choices):
                allowed = ", ".join(get_args(choices))
                raise OptionsError(f"{option} must be {allowed}, not {getattr(self, option)!r}")
        if self.language is not None:
            check_language(self.language)
        check_speaker_count(self.speakers)
        if self.speakers is not None and not self.diarize:
            raise OptionsError(f"speakers={self.speakers} is a number of voices to tell apart: it needs diarize=True")
        if self.event_codebooks is not None and self.layout != "hybrid":
            raise OptionsError(
                f"event_codebooks={self.event_codebooks} is of units in events, and layout={self.layout!r} has none: "
                "leave it out"
            )
        if not self.max_seconds > 0.0:
            raise OptionsError(f"max_seconds must be above 0, not {self.max_seconds}")
        if not _DEVICE.fullmatch(self.device):
            raise OptionsError(f"device must be cpu, cuda or cuda:N, not {self.device!r}")
        ChannelOptions(self.diarize_channels)
        if self.diarize_channels == "separate" and not self.diarize:
            raise OptionsError("diarize_channels='separate' tells speakers apart: it needs diarize=True (--diarize)")


DECODER_OPTIONS = (
    "unit_merges",
    "text_tokenizer",
    "speak_as",
    "codec",
    "synthesizer",
    "room_tone",
    "max_seconds",
    "device",
)
"""What can be chosen when a file is decoded: paths of this machine, and the decoder's own choices."""

LOCAL_OPTIONS = (*(name for name in DECODER_OPTIONS if name != "codec"), "allow_truncated")
"""Options a `.hyt` file does not hold."""

_DEVICE = re.compile(r"cpu|meta|cuda(:\d{1,3})?")
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
"""A model, a language or a choice; no path of a machine."""
_BACKEND = re.compile(rf"[\w-]+(:{_NAME.pattern}(\+{_NAME.pattern})*)?", re.ASCII)
"""A backend, and the names of its models."""


def options_of_file(name: str, held: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a file holds, which may be anyone's: none that a file cannot have, each of its type.

    Raises:
        ContainerError: something else; the message has the file's name and the option's.
    """
    for option, value in held.items():
        if option in LOCAL_OPTIONS:
            raise ContainerError(f"{name}: its header has the option {option!r:.40}, which no file holds")
        try:
            check_option(f"{name}: its header", option, value)
        except OptionsError as error:
            raise ContainerError(str(error)) from None
    return dict(held)


def check_option(where: str, option: str, value: Any) -> None:
    """Refuse what no option that can be shared may be: one there is not, of another type, or a path of a machine.

    Raises:
        OptionsError: see above; the message begins with `where`.
    """
    hints = get_type_hints(TokenizerOptions)
    if option not in hints:
        raise OptionsError(f"{where} has the option {option!r:.40}, which no file holds")
    pattern = _BACKEND if option in STAGES else _NAME
    if not _is_of(value, hints[option]) or (isinstance(value, str) and not pattern.fullmatch(value)):
        raise OptionsError(f"{where} has {option}={value!r:.40}, which is no value of that option")


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a type of an option: a class, a literal, or a union of them."""
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return any(_is_of(value, part) for part in get_args(kind))
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind


def written_options(options: TokenizerOptions) -> dict[str, Any]:
    """The options a file holds; models only by name, never a path of this machine."""
    held = {field.name: getattr(options, field.name) for field in fields(options) if field.name not in LOCAL_OPTIONS}
    if options.model not in MODELS and not is_name(options.model):
        del held["model"]
    for stage in STAGES:
        chosen = held.pop(stage, None)
        if chosen is not None:
            backend, _, model = chosen.partition(":")
            held[stage] = chosen if model and all(map(is_name, model.split("+"))) else backend
    return held
