"""llguidance over our ids: the tokenizer that its grammars are compiled for.

    matcher = llguidance.LLMatcher(llguidance_tokenizer(vocabulary, end), MixedGrammar(vocabulary).to_llguidance())

Engines that build this tokenizer from the language model's own must be told the size of the vocabulary (`n_vocab`), so
that there are ids for ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_tok.tokens.vocabulary import Vocabulary

if TYPE_CHECKING:
    from llguidance import LLTokenizer


def llguidance_tokenizer(vocabulary: Vocabulary, end: int) -> LLTokenizer:
    """The ids of a vocabulary, each with its name for its bytes.

    A grammar of ours has ids only, so that what text they spell is of no account.

    Args:
        end: the id that ends a sequence; `<|pad|>` where the model has none.
    """
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(_Names(vocabulary, end)))


class _Names:
    """What llguidance asks of a tokenizer."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary, end: int) -> None:
        self.eos_token_id = end
        space = vocabulary.space
        self.tokens = [vocabulary.token_name(token).encode() for token in range(vocabulary.size)]
        # A special name may not be the beginning of "[12]", which is how llguidance spells an id; a text may.
        text = space.text_range
        self.special_token_ids = [
            token for token in range(vocabulary.size) if token not in text or token - text.start in space.text.silent
        ]

    def __call__(self, text: bytes) -> list[int]:
        return []
