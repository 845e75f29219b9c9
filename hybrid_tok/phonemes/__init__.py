"""Written words as the phonemes that Kokoro speaks, word by word."""

from hybrid_tok.phonemes.phonemize import phonemize, speaks
from hybrid_tok.phonemes.reader import IpaReader
from hybrid_tok.phonemes.symbols import token_ids

__all__ = ["IpaReader", "phonemize", "speaks", "token_ids"]
