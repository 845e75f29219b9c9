"""Hybrid tokens inside language models: a processor for transformers, models extended by our ids, constrained sampling.

    from hybrid_tok.lm import HybridProcessor, extend

    model, processor = extend(model, llm_tokenizer)
    batch = processor(text=["transcribe: <|audio|>"], audio=[wave], sampling_rate=16000, return_tensors="pt")
    out = model.generate(**batch, logits_processor=[processor.logits_processor()])
    processor.decode(out[0], return_format="parsed")

An LLM's ids stay where they are, and ours follow (`tokens.idspace`). A stream stands between `<|audio|>` and
`<|/audio|>`: inside, ids of text are words that were said; outside, they are the LLM's own text.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid_tok.lm.collator import HybridCollator as HybridCollator
    from hybrid_tok.lm.collator import weighted_loss as weighted_loss
    from hybrid_tok.lm.extension import check_model as check_model
    from hybrid_tok.lm.extension import extend as extend
    from hybrid_tok.lm.kinds import Kind as Kind
    from hybrid_tok.lm.kinds import kinds_of as kinds_of
    from hybrid_tok.lm.llguidance import llguidance_tokenizer as llguidance_tokenizer
    from hybrid_tok.lm.mapping import EncodeColumn as EncodeColumn
    from hybrid_tok.lm.mixed_grammar import MixedGrammar as MixedGrammar
    from hybrid_tok.lm.mixed_grammar import MixedRules as MixedRules
    from hybrid_tok.lm.parts import StreamPart as StreamPart
    from hybrid_tok.lm.parts import TextPart as TextPart
    from hybrid_tok.lm.processor import HybridProcessor as HybridProcessor
    from hybrid_tok.lm.sampling import HybridLogitsProcessor as HybridLogitsProcessor
    from hybrid_tok.lm.style import Style as Style
    from hybrid_tok.lm.style import describe as describe
    from hybrid_tok.lm.style import read_style as read_style
    from hybrid_tok.lm.style import tag_text as tag_text
    from hybrid_tok.lm.unit_bpe import UnitBpe as UnitBpe

_HOMES = MappingProxyType(
    {
        "HybridCollator": "collator",
        "weighted_loss": "collator",
        "check_model": "extension",
        "extend": "extension",
        "Kind": "kinds",
        "kinds_of": "kinds",
        "llguidance_tokenizer": "llguidance",
        "EncodeColumn": "mapping",
        "MixedGrammar": "mixed_grammar",
        "MixedRules": "mixed_grammar",
        "StreamPart": "parts",
        "TextPart": "parts",
        "HybridProcessor": "processor",
        "HybridLogitsProcessor": "sampling",
        "Style": "style",
        "describe": "style",
        "read_style": "style",
        "tag_text": "style",
        "UnitBpe": "unit_bpe",
    }
)
"""The module of each name."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hybrid_tok.lm' has no attribute {name!r}")
    return getattr(import_module(f"hybrid_tok.lm.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if find_spec("transformers") is not None:
    import_module("hybrid_tok.lm.processor")  # so that AutoProcessor knows it
