"""What `hybrid-tok info` tells: presets, backends and models, id ranges, fingerprint. Loads no model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from hybrid_tok.core.interfaces import STAGES
from hybrid_tok.core.local_models import find_local
from hybrid_tok.core.model_sources import ModelState, describe_models
from hybrid_tok.errors import ModelError
from hybrid_tok.presets import PRESETS
from hybrid_tok.registry import MODELS_SEPARATOR, BackendEntry, all_backends
from hybrid_tok.tokenizer import HybridTokenizer


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """A backend, and what it needs.

    Attributes:
        stage, name: as `--set STAGE=NAME` takes them.
        default: whether the default preset has it.
        missing: modules that it needs and that are not installed.
        install: the command that provides them.
        models: that it has by default, with the place of each; None is not on this machine.
    """

    stage: str
    name: str
    default: bool
    missing: tuple[str, ...]
    install: str
    models: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RangeInfo:
    """Ids [start, stop) and what they stand for."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Info:
    """Everything `hybrid-tok info` prints, for the default options of the default preset."""

    version: str
    presets: dict[str, str]
    backends: tuple[BackendInfo, ...]
    models: tuple[ModelState, ...]
    ranges: tuple[RangeInfo, ...]
    vocabulary_size: int
    fingerprint: dict[str, str]


def collect_info() -> Info:
    """Look everything up without loading a backend."""
    vocabulary = HybridTokenizer.from_preset("default").vocabulary
    return Info(
        version=version("hybrid-tok"),
        presets={preset.name: preset.description for preset in PRESETS.values()},
        backends=tuple(map(_about, sorted(all_backends().values(), key=lambda entry: STAGES.index(entry.stage)))),
        models=describe_models(),
        ranges=tuple(RangeInfo(r.name, r.start, r.stop) for r in vocabulary.ranges),
        vocabulary_size=vocabulary.size,
        fingerprint=dict(vocabulary.fingerprint),
    )


def _about(entry: BackendEntry) -> BackendInfo:
    models: dict[str, str | None] = {}
    for model in filter(None, (entry.model or "").split(MODELS_SEPARATOR)):
        try:
            models[model] = str(find_local(model, entry.name))
        except ModelError:
            models[model] = None
    default = PRESETS["default"].backends[entry.stage] == entry.name
    return BackendInfo(entry.stage, entry.name, default, entry.missing, entry.install, models)


def _states(backend: BackendInfo) -> Iterator[str]:
    """What is here of a backend, and what would get the rest."""
    yield "installed" if not backend.missing else f"needs {', '.join(backend.missing)}: {backend.install}"
    for model, where in backend.models.items():
        yield f"model {model}: found in {where}" if where else f"model {model} is not here: hf download {model}"


def format_info(info: Info) -> str:
    """As a person reads it."""
    lines = [f"hybrid-tok {info.version}", "", "presets"]
    lines += [f"  {name:<10} {description}" for name, description in info.presets.items()]
    lines += ["", "backends (--set STAGE=NAME or STAGE=NAME:MODEL; * is the default preset's)"]
    for backend in info.backends:
        title = f"  {backend.stage:<15} {'*' if backend.default else ' '} {backend.name:<12}"
        for state in _states(backend):
            lines.append(f"{title} {state}")
            title = " " * len(title)
    lines += ["", "models"]
    for model in info.models:
        lines.append(f"  {model.name:<10} {model.title} ({model.licence}, {model.size / 1e6:,.0f} MB)")
        lines.append(f"  {'':<10} {f'found in {model.where}' if model.where else f'missing: {model.how}'}")
    lines += ["", f"ids of the default preset ({info.vocabulary_size:,} in all)"]
    lines += [f"  {r.start:>7} .. {r.stop - 1:<7} {r.name} ({r.stop - r.start:,})" for r in info.ranges]
    lines += ["", "fingerprint"]
    lines += [f"  {part:<10} {value}" for part, value in info.fingerprint.items()]
    return "\n".join(lines)
