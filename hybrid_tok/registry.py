"""Names of backends and presets, and how each is made: lazily, so that a name costs nothing until it is used."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from hybrid_tok.errors import BackendError, OptionsError

Stage: TypeAlias = Literal["voice activity", "recognizer", "aligner", "events", "diarizer", "codec", "synthesizer"]


@dataclass(frozen=True, slots=True)
class BackendEntry:
    """Where a backend lives and what it needs.

    Attributes:
        stage: which interface it implements.
        name: unique within the stage.
        target: "module:class", imported when the backend is first made.
        requires: modules that must be importable.
        install: the command that provides them.
        options: tokenizer options that its constructor takes by the same names.
        identity: of a codec, "module:function" that gives its `CodecIdentity` without loading it.
        languages: of a synthesizer, "module:function" that says whether it speaks a language; None if there are none
            it refuses beforehand.
    """

    stage: Stage
    name: str
    target: str
    requires: tuple[str, ...]
    install: str = "pip install hybrid-tok"
    options: tuple[str, ...] = ()
    identity: str | None = None
    languages: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Required modules that are not installed; looked up without importing them."""
        return tuple(module for module in self.requires if importlib.util.find_spec(module) is None)

    def make(self, **options: Any) -> Any:
        """Import and construct the backend.

        Raises:
            BackendError: it is not installed; the message has the command that gets it.
        """
        if self.missing:
            raise BackendError(
                f"{self.stage} {self.name!r} needs {', '.join(self.missing)}, which is not installed: {self.install}"
            )
        return _load(self.target)(**options)

    def identify(self) -> Any:
        """What one must know of a codec to read its codes: a `CodecIdentity`."""
        if self.identity is None:
            raise BackendError(f"{self.stage} {self.name!r} has no identity: only codecs have one")
        return _load(self.identity)()

    def speaks(self, language: str | None) -> bool:
        """Whether a synthesizer speaks a language."""
        return self.languages is None or bool(_load(self.languages)(language))


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@dataclass(frozen=True, slots=True)
class Preset:
    """A named choice of one backend per stage.

    Attributes:
        fallback: synthesizer of the languages that the first one does not speak.
    """

    name: str
    description: str
    backends: Mapping[Stage, str] = field(default_factory=dict)
    fallback: Mapping[Stage, str] = field(default_factory=dict)


def _index(*entries: BackendEntry) -> Mapping[tuple[Stage, str], BackendEntry]:
    index: dict[tuple[Stage, str], BackendEntry] = {}
    for entry in entries:
        key = (entry.stage, entry.name)
        if key in index:
            raise ValueError(f"{entry.stage} {entry.name!r} is registered twice")
        index[key] = entry
    return MappingProxyType(index)


BACKENDS = _index(
    BackendEntry("voice activity", "silero", "hybrid_tok.backends.silero:SileroDetector", ("faster_whisper",)),
    BackendEntry(
        "recognizer",
        "whisper",
        "hybrid_tok.backends.whisper:WhisperRecognizer",
        ("faster_whisper",),
        options=("model", "language", "windows"),
    ),
    BackendEntry(
        "aligner",
        "builtin",
        "hybrid_tok.backends.transcript_aligner:TranscriptAligner",
        ("faster_whisper", "numba", "safetensors"),
        options=("model", "language"),
    ),
    BackendEntry("events", "builtin", "hybrid_tok.tagger.backend:BuiltinTagger", ("torch", "safetensors")),
    BackendEntry("diarizer", "builtin", "hybrid_tok.diarizer.backend:BuiltinDiarizer", ("torch", "safetensors")),
    BackendEntry(
        "codec",
        "builtin",
        "hybrid_tok.codec.backend:BuiltinCodec",
        ("torch", "safetensors"),
        identity="hybrid_tok.codec.identity:codec_identity",
    ),
    BackendEntry(
        "synthesizer",
        "kokoro",
        "hybrid_tok.backends.kokoro:KokoroSynthesizer",
        ("onnxruntime", "onnx"),
        install='pip install "hybrid-tok[models]", or --synthesizer espeak',
        languages="hybrid_tok.phonemes:speaks",
    ),
    BackendEntry("synthesizer", "espeak", "hybrid_tok.backends.espeak:EspeakSynthesizer", ("espeakng_loader",)),
)
"""Every backend that ships with hybrid-tok."""

_LISTENING: Mapping[Stage, str] = MappingProxyType(
    {"voice activity": "silero", "aligner": "builtin", "events": "builtin", "diarizer": "builtin"}
)
_SPEAKING: Mapping[Stage, str] = MappingProxyType({"codec": "builtin", "synthesizer": "kokoro"})

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "default",
                "Whisper base, Kokoro, our own tagger, diarizer and codec; nothing is downloaded",
                {**_LISTENING, "recognizer": "whisper", **_SPEAKING},
                {"synthesizer": "espeak"},
            ),
        )
    }
)


def find_backend(stage: Stage, name: str) -> BackendEntry:
    """Look a backend up by name; the error lists the names there are."""
    entry = BACKENDS.get((stage, name))
    if entry is None:
        known = ", ".join(sorted(key[1] for key in BACKENDS if key[0] == stage))
        raise OptionsError(f"no {stage} is called {name!r}; there are: {known}")
    return entry


def find_preset(name: str) -> Preset:
    """Look a preset up by name; the error lists the names there are."""
    if name not in PRESETS:
        raise OptionsError(f"no preset is called {name!r}; there are: {', '.join(sorted(PRESETS))}")
    return PRESETS[name]
