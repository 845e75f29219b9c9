"""What `hybrid-tok info` tells: presets, backends and models, id ranges, fingerprint. Loads no model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from hybrid_tok.core.model_sources import ModelState, describe_models
from hybrid_tok.registry import BACKENDS, PRESETS
from hybrid_tok.tokenizer import HybridTokenizer


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """A backend, and the modules it would need that are not installed."""

    stage: str
    name: str
    missing: tuple[str, ...]
    install: str


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
        backends=tuple(
            BackendInfo(entry.stage, entry.name, entry.missing, entry.install) for entry in BACKENDS.values()
        ),
        models=describe_models(),
        ranges=tuple(RangeInfo(r.name, r.start, r.stop) for r in vocabulary.ranges),
        vocabulary_size=vocabulary.size,
        fingerprint=dict(vocabulary.fingerprint),
    )


def format_info(info: Info) -> str:
    """As a person reads it."""
    lines = [f"hybrid-tok {info.version}", "", "presets"]
    lines += [f"  {name:<10} {description}" for name, description in info.presets.items()]
    lines += ["", "backends"]
    for backend in info.backends:
        state = "found" if not backend.missing else f"missing {', '.join(backend.missing)}: {backend.install}"
        lines.append(f"  {backend.stage:<15} {backend.name:<13} {state}")
    lines += ["", "models"]
    for model in info.models:
        lines.append(f"  {model.name:<10} {model.title} ({model.licence}, {model.size / 1e6:,.0f} MB)")
        lines.append(f"  {'':<10} {f'found in {model.where}' if model.where else f'missing: {model.how}'}")
    lines += ["", f"ids of the default preset ({info.vocabulary_size:,} in all)"]
    lines += [f"  {r.start:>7} .. {r.stop - 1:<7} {r.name} ({r.stop - r.start:,})" for r in info.ranges]
    lines += ["", "fingerprint"]
    lines += [f"  {part:<10} {value}" for part, value in info.fingerprint.items()]
    return "\n".join(lines)
