"""hybrid-tok: speech as text tokens where it is words, and as codec units where it is not.

from hybrid_tok import HybridTokenizer

tok = HybridTokenizer.from_preset()
ids = tok.encode("talk.wav")
audio = tok.decode(ids)
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid_tok.core.annotations import Annotations as Annotations
    from hybrid_tok.core.annotations import Event as Event
    from hybrid_tok.core.annotations import KnownAnnotations as KnownAnnotations
    from hybrid_tok.core.annotations import Segment as Segment
    from hybrid_tok.core.annotations import SpeakerTurn as SpeakerTurn
    from hybrid_tok.core.annotations import Word as Word
    from hybrid_tok.core.audio import Audio as Audio
    from hybrid_tok.core.timeline import Span as Span
    from hybrid_tok.errors import AnnotationError as AnnotationError
    from hybrid_tok.errors import AnnotationWarning as AnnotationWarning
    from hybrid_tok.errors import AudioError as AudioError
    from hybrid_tok.errors import BackendError as BackendError
    from hybrid_tok.errors import ContainerError as ContainerError
    from hybrid_tok.errors import FingerprintError as FingerprintError
    from hybrid_tok.errors import GrammarError as GrammarError
    from hybrid_tok.errors import HybridTokError as HybridTokError
    from hybrid_tok.errors import ModelError as ModelError
    from hybrid_tok.errors import OptionsError as OptionsError
    from hybrid_tok.errors import StreamError as StreamError
    from hybrid_tok.errors import WeightsError as WeightsError
    from hybrid_tok.formats.annotation_files import AnnotationFiles as AnnotationFiles
    from hybrid_tok.tokenizer import Analysis as Analysis
    from hybrid_tok.tokenizer import HybridTokenizer as HybridTokenizer
    from hybrid_tok.tokenizer import TokenizerOptions as TokenizerOptions
    from hybrid_tok.tokens.stream import HybridStream as HybridStream
    from hybrid_tok.tokens.vocabulary import Vocabulary as Vocabulary

_HOMES = MappingProxyType(
    {
        "Annotations": "hybrid_tok.core.annotations",
        "Event": "hybrid_tok.core.annotations",
        "KnownAnnotations": "hybrid_tok.core.annotations",
        "Segment": "hybrid_tok.core.annotations",
        "SpeakerTurn": "hybrid_tok.core.annotations",
        "Word": "hybrid_tok.core.annotations",
        "Audio": "hybrid_tok.core.audio",
        "Span": "hybrid_tok.core.timeline",
        "AnnotationError": "hybrid_tok.errors",
        "AnnotationWarning": "hybrid_tok.errors",
        "AudioError": "hybrid_tok.errors",
        "BackendError": "hybrid_tok.errors",
        "ContainerError": "hybrid_tok.errors",
        "FingerprintError": "hybrid_tok.errors",
        "GrammarError": "hybrid_tok.errors",
        "HybridTokError": "hybrid_tok.errors",
        "ModelError": "hybrid_tok.errors",
        "OptionsError": "hybrid_tok.errors",
        "StreamError": "hybrid_tok.errors",
        "WeightsError": "hybrid_tok.errors",
        "AnnotationFiles": "hybrid_tok.formats.annotation_files",
        "Analysis": "hybrid_tok.tokenizer",
        "HybridTokenizer": "hybrid_tok.tokenizer",
        "TokenizerOptions": "hybrid_tok.tokenizer",
        "HybridStream": "hybrid_tok.tokens.stream",
        "Vocabulary": "hybrid_tok.tokens.vocabulary",
    }
)
"""The module of each name, imported when the name is used: the command answers Ctrl-C before numpy is there."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hybrid_tok' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
