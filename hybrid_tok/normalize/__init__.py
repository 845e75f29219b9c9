"""English text as people write it, and how each of its words may be said."""

from hybrid_tok.normalize.words import WrittenWord, read_words

__all__ = ["WrittenWord", "read_words"]
