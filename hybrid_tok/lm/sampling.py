"""Constrained sampling: a `LogitsProcessor` that leaves each sequence only the ids that the grammar allows next.

    model.generate(**batch, logits_processor=[HybridLogitsProcessor(vocabulary, end=tokenizer.eos_token_id)])

The same for greedy search, sampling, beams, several sequences per prompt, left padding and prompts that end inside a
stream. What a generation stops at (its `max_new_tokens`) may still cut a stream: `Vocabulary.repair` closes it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import torch
from transformers import LogitsProcessor

from hybrid_tok.errors import OptionsError
from hybrid_tok.lm.mixed_grammar import AudioRule, MixedGrammar, MixedRules
from hybrid_tok.lm.prefix_states import PrefixStates
from hybrid_tok.tokens.idspace import IdRange
from hybrid_tok.tokens.vocabulary import Vocabulary

Spans: TypeAlias = tuple[tuple[int, int], ...]
"""Ids from .. to below, ascending, with gaps between."""

KEPT_MASKS = 128
"""Masks that are kept: at 150,000 ids 20 MB of the scores' device."""


def spans_of(ranges: Sequence[IdRange]) -> Spans:
    """Ranges of ids, those that touch joined."""
    spans: list[tuple[int, int]] = []
    for start, stop in sorted([(ids.start, ids.stop) for ids in ranges]):
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return tuple(spans)


class HybridLogitsProcessor(LogitsProcessor):
    """Sets the scores of all ids that may not follow to minus infinity.

    A row that was not seen before is a prompt; it must be right, and the options do not apply to it. The rows before
    the last calls are remembered, so that one processor may serve any number of generations.

    Args:
        vocabulary: the one of the processor or tokenizer that the model was extended for.
        audio: `optional`, `required` or `only`; see `MixedRules`.
        max_streams: how many streams may be begun after the prompt; one that is open at its end counts.
        end: the model's ids for the end of a text (`eos_token_id`).
        bare: sequences are one stream each, without `<|audio|>` and `<|/audio|>`.
        padding: the model's own `pad_token_id`, where bare sequences are padded with it.

    Raises:
        OptionsError: options that contradict each other or the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        audio: AudioRule = "optional",
        max_streams: int | None = None,
        end: int | Iterable[int] = (),
        bare: bool = False,
        padding: int | Iterable[int] = (),
    ) -> None:
        pads = _tuple(padding)
        rules = MixedRules(audio, max_streams, _tuple(end), bare, pads)
        self.size = vocabulary.size
        self._grammar = MixedGrammar(vocabulary, rules)
        self._states = PrefixStates(MixedGrammar(vocabulary, MixedRules(bare=bare, padding=pads)), self._grammar)
        self._masks = MaskCache(KEPT_MASKS)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores with what may not follow at minus infinity.

        Args:
            input_ids: [batch, length].
            scores: [batch, ids]; more ids than the vocabulary has (rows that only pad a matrix) are never allowed.

        Raises:
            GrammarError: a prompt breaks the grammar; the message has its row and position.
            OptionsError: the model has fewer ids than the vocabulary, or a prompt is padded on the right.
        """
        return self.write(self.allowed_spans(input_ids), scores)

    def allowed_spans(self, input_ids: torch.Tensor) -> list[Spans]:
        """What may follow each row."""
        states = self._states.of(input_ids.numpy(force=True))
        return [spans_of(self._grammar.allowed(state)) for state in states]

    def write(self, spans: Sequence[Spans], scores: torch.Tensor) -> torch.Tensor:
        """Scores with all but the spans of each row at minus infinity.

        Where what ran before has left nothing of what may follow, all of that is equally likely.
        """
        if scores.shape[-1] < self.size:
            raise OptionsError(
                f"the model has {scores.shape[-1]} ids, the vocabulary {self.size}: extend the model for it first"
            )
        kinds = {span: number for number, span in enumerate(dict.fromkeys(spans))}
        masks = torch.stack([self._masks.get(span, scores.shape[-1], scores.device) for span in kinds])
        banned = masks[0] if len(kinds) == 1 else masks[[kinds[span] for span in spans]]
        written = scores.masked_fill(banned, -torch.inf)
        empty = written.amax(-1, keepdim=True) == -torch.inf
        return written.masked_fill(empty & ~banned, 0.0) if bool(empty.any()) else written


class MaskCache:
    """Masks of the ids that are not in some spans; the least recently used are dropped."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._masks: OrderedDict[tuple[Spans, int, torch.device], torch.Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._masks)

    def get(self, spans: Spans, count: int, device: torch.device) -> torch.Tensor:
        """True for each of `count` ids that is in no span."""
        key = (spans, count, device)
        mask = self._masks.get(key)
        if mask is None:
            mask = torch.ones(count, dtype=torch.bool)
            for start, stop in spans:
                mask[start:stop] = False
            mask = self._masks[key] = mask.to(device)
            if len(self._masks) > self._size:
                self._masks.popitem(last=False)
        else:
            self._masks.move_to_end(key)
        return mask


def _tuple(ids: int | Iterable[int]) -> tuple[int, ...]:
    return (ids,) if isinstance(ids, int) else tuple(ids)
