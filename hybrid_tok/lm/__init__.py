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

from hybrid_tok.lm.collator import HybridCollator as HybridCollator
from hybrid_tok.lm.collator import weighted_loss as weighted_loss
from hybrid_tok.lm.extend import check_model as check_model
from hybrid_tok.lm.extend import extend as extend
from hybrid_tok.lm.kinds import Kind as Kind
from hybrid_tok.lm.kinds import kinds_of as kinds_of
from hybrid_tok.lm.mapping import EncodeColumn as EncodeColumn
from hybrid_tok.lm.parts import StreamPart as StreamPart
from hybrid_tok.lm.parts import TextPart as TextPart
from hybrid_tok.lm.processor import HybridProcessor as HybridProcessor
from hybrid_tok.lm.style import Style as Style
from hybrid_tok.lm.style import describe as describe
from hybrid_tok.lm.style import read_style as read_style
from hybrid_tok.lm.style import tag_text as tag_text
