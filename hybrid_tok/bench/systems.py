"""Systems that are compared: the tokenizer with any of its options, and other codecs.

A system has a name, `FAMILY` or `FAMILY:option=value,..`: `default:layout=units,codebooks=2`, `opus:bit_rate=6000`. The
families are our presets, `recording` (nothing is coded: what the measures say of the original) and those of
`bench.peers`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from hybrid_tok.bench.peers import PEERS
from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import STAGES
from hybrid_tok.errors import OptionsError
from hybrid_tok.options import DECODER_OPTIONS, TokenizerOptions
from hybrid_tok.presets import PRESETS
from hybrid_tok.tokenizer import Analysis, HybridTokenizer
from hybrid_tok.tokens.kinds import KINDS, kinds_of
from hybrid_tok.tokens.stream import Timing

RECORDING = "recording"
LOCKED = "default"
FREE = "default:timing=free"
TEXT = "default:layout=text"
ESPEAK = "default:synthesizer=espeak"
UNITS = "default:layout=units"

MODES = (LOCKED, FREE, TEXT, ESPEAK, UNITS)
"""The tokenizer's ways to write and to speak."""

SYSTEMS = (RECORDING, *MODES, "opus:bit_rate=6000", "codec2:mode=3200", "codec2:mode=1400")

_SHORT = {"codebooks": "num_codebooks", "merges": "unit_merges"}
_LISTENING = (
    *("model", "language", "windows", "events", "diarize", "speakers", "diarize_channels", "device"),
    *(stage for stage in STAGES if stage not in ("codec", "synthesizer")),
)
"""Options that say what is heard: systems that share them share the annotations of a recording."""

Value: TypeAlias = "str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class System:
    """A codec, or a way to use the tokenizer.

    Attributes:
        name: as it was given.
        family: a preset's name, `recording`, or a peer's name.
        options: those that differ from the family's own.
    """

    name: str
    family: str
    options: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def parse(cls, name: str) -> System:
        """A system from its name.

        Raises:
            OptionsError: there is no such family, option or value.
        """
        family, _, rest = name.strip().partition(":")
        if family in PRESETS:
            known = get_type_hints(TokenizerOptions)
        elif family in PEERS:
            known = {key: type(value) for key, value in PEERS[family].options.items()}
        elif family == RECORDING:
            known = {}
        else:
            families = ", ".join((*PRESETS, RECORDING, *PEERS))
            raise OptionsError(f"no system is called {family!r}; there are: {families}")
        options: dict[str, Value] = {}
        for part in filter(None, (one.strip() for one in rest.split(","))):
            option, equals, value = part.partition("=")
            option = _SHORT.get(option, option).replace("-", "_")
            if option not in known or not equals:
                has = f"it has: {', '.join(known)}" if known else "it has none"
                raise OptionsError(f"system {name!r}: no option {part!r}, as in name=value; {has}")
            options[option] = _value(name, option, value, known[option])
        if family in PRESETS:
            preset = PRESETS[family]
            preset.check(preset.with_options(options))  # refuses options that contradict each other
        return cls(name.strip(), family, MappingProxyType(options))

    @property
    def ours(self) -> bool:
        """Whether it is the tokenizer."""
        return self.family in PRESETS

    @property
    def timing(self) -> Timing:
        """Whether what is decoded lies where it was."""
        return "free" if self.options.get("timing") == "free" else "locked"

    @property
    def title(self) -> str:
        """For tables and plots."""
        if self.family == RECORDING:
            return "the recording itself"
        if not self.ours:
            return PEERS[self.family].title(self.options)
        preset = "" if self.family == "default" else f" {self.family}"
        chosen = [_TITLES.get((key, value), f"{key}={value}") for key, value in self.options.items()]
        return ", ".join((f"hybrid-tok{preset}", *chosen))


_TITLES: Mapping[tuple[str, Value], str] = MappingProxyType(
    {
        ("layout", "text"): "text only",
        ("layout", "units"): "units only",
        ("timing", "free"): "free timing",
        ("synthesizer", "espeak"): "espeak-ng",
        ("prosody", "word"): "prosody",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A recording after a system.

    Attributes:
        audio: mono at 16 kHz.
        tokens: written, of all kinds; None where a system writes none.
        counts: of them text, units, and what is neither (tags, voices, lengths): "text", "units", "control".
        bits: as an entropy coder that follows the grammar would need at worst (`Summary.range_bits_per_second`), or
            those that a codec wrote; None for the recording itself.
        analysis: of the recording; None where no tokenizer was at work.
    """

    audio: Audio
    tokens: int | None = None
    bits: float | None = None
    counts: Mapping[str, int] | None = None
    analysis: Analysis | None = None


class Systems:
    """Opens systems when they are first used, and renders recordings with them.

    Args:
        keep: recordings whose annotations and renderings are kept; None keeps all.
    """

    def __init__(self, keep: int | None = None) -> None:
        self._keep = keep
        self._tokenizers: dict[str, HybridTokenizer] = {}
        self._annotated: dict[str, dict[Any, Annotations]] = {}
        self._rendered: dict[str, dict[str, Rendering]] = {}

    def tokenizer(self, name: str) -> HybridTokenizer:
        """The tokenizer of a system of ours, made once."""
        if name not in self._tokenizers:
            system = System.parse(name)
            self._tokenizers[name] = HybridTokenizer.from_preset(system.family, **system.options)
        return self._tokenizers[name]

    def annotate(self, key: str, audio: Audio, name: str = LOCKED) -> Annotations:
        """What a system of ours hears in a recording.

        Args:
            key: the recording's name, by which results are kept.
        """
        heard = self._kept(self._annotated, key)
        system = System.parse(name)
        listening = (system.family, *(system.options.get(option) for option in _LISTENING))
        if listening not in heard:
            heard[listening] = self.tokenizer(name).annotate(audio)
        return heard[listening]

    def analyze(self, name: str, key: str, audio: Audio) -> Analysis:
        """A recording as a system of ours writes it; arguments as of `render`."""
        known = None
        if System.parse(name).options.get("layout") != "units":  # units alone need nothing to be heard
            known = self.annotate(key, audio, name)
        return self.tokenizer(name).analyze(audio, annotations=known)

    def render(self, name: str, key: str, audio: Audio) -> Rendering:
        """A recording after a system.

        Args:
            key: the recording's name, by which results are kept.
            audio: mono at 16 kHz.
        """
        rendered = self._kept(self._rendered, key)
        if name not in rendered:
            rendered[name] = self._render(System.parse(name), key, audio)
        return rendered[name]

    def fingerprint(self, name: str) -> str:
        """What the figures of a system depend on besides its name: models and codec."""
        system = System.parse(name)
        if not system.ours:
            return PEERS[system.family].version() if system.family in PEERS else ""
        tokenizer = self.tokenizer(name)
        parts = {**tokenizer.vocabulary.fingerprint, "codec": tokenizer.codec_identity.fingerprint}
        return blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()

    def _render(self, system: System, key: str, audio: Audio) -> Rendering:
        if system.family == RECORDING:
            return Rendering(audio)
        if not system.ours:
            return _peer(system, audio)
        tokenizer = self.tokenizer(system.name)
        analysis = self.analyze(system.name, key, audio)
        return Rendering(
            self._decoding(system).decoder.decode(analysis.stream),
            len(analysis.ids),
            analysis.summary.range_bits_per_second * analysis.summary.seconds,
            _counts(tokenizer, analysis),
            analysis,
        )

    def _decoding(self, system: System) -> HybridTokenizer:
        """The first tokenizer that decodes alike: a synthesizer is large."""
        choices = [system.options.get(option) for option in DECODER_OPTIONS]
        for name, tokenizer in self._tokenizers.items():
            other = System.parse(name)
            if other.family == system.family and [other.options.get(option) for option in DECODER_OPTIONS] == choices:
                return tokenizer
        return self.tokenizer(system.name)

    def _kept(self, table: dict[str, Any], key: str) -> Any:
        if key not in table:
            while self._keep is not None and len(table) >= self._keep:
                del table[next(iter(table))]
            table[key] = {}
        return table[key]


def _peer(system: System, audio: Audio) -> Rendering:
    peer = PEERS[system.family]
    coded = peer.transcode(audio.samples, **{**peer.options, **system.options})
    counts = None if coded.tokens is None else MappingProxyType({"text": 0, "units": coded.tokens, "control": 0})
    return Rendering(Audio(coded.samples, audio.sample_rate), coded.tokens, coded.bits, counts)


def _counts(tokenizer: HybridTokenizer, analysis: Analysis) -> Mapping[str, int]:
    kinds = kinds_of(tokenizer.vocabulary.space, analysis.ids)
    text, units = (kinds.count(KINDS.index(kind)) for kind in ("words", "units"))
    return MappingProxyType({"text": text, "units": units, "control": len(analysis.ids) - text - units})


def _value(system: str, option: str, text: str, hint: Any) -> Value:
    """An option's value from its text, by its type."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if NoneType in kinds and text == "none":
        return None
    for kind in kinds:
        if get_origin(kind) is Literal and text in get_args(kind):
            return text
        if kind is bool and text in ("yes", "no"):
            return text == "yes"
        if kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        if kind is str:
            return text
    choices = [choice for kind in kinds for choice in (get_args(kind) if get_origin(kind) is Literal else ())]
    wanted = " or ".join(choices) if choices else "yes or no" if bool in kinds else "a number"
    raise OptionsError(f"system {system!r}: {option} must be {wanted}, not {text!r}")
