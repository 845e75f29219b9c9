"""Words of a language to Kokoro's phonemes."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_tok.core.languages import LANGUAGES, check_language
from hybrid_tok.errors import BackendError
from hybrid_tok.phonemes.english import phonemize_english
from hybrid_tok.phonemes.foreign import phonemize_foreign
from hybrid_tok.phonemes.mandarin import can_read_mandarin, phonemize_mandarin
from hybrid_tok.phonemes.reader import IpaReader

_FOREIGN = frozenset(("es", "fr", "hi", "it", "pt"))


def speaks(language: str | None) -> bool:
    """Whether words of a language can be read here; Chinese only where the extra `zh` is installed."""
    if language == "zh":
        return can_read_mandarin()
    return language in (None, "en") or language in _FOREIGN


def phonemize(words: Sequence[str], language: str | None, ipa: IpaReader) -> tuple[str, ...]:
    """The phonemes of each word, in the context of the others.

    A word that is said in several ("21") has them separated by single spaces. Punctuation that Kokoro knows
    (; : , . ! ? — …) is kept after the word, quotes and brackets are not. A word without sound ("--", an emoji) has an
    empty string. Of a word the first `marks.LONGEST_WORD` characters are read. In Chinese, where each character is a
    word here, a string ends with a space where one of its words of several characters ends; in other languages there is
    a space between any two.

    Args:
        words: as `core.spacing.split_words` gives them.
        language: a code of `core.languages`; None is English.
        ipa: reads what no dictionary has.

    Raises:
        OptionsError: there is no such language.
        BackendError: Kokoro has no voice for the language, an extra is missing, or the reader failed.
    """
    if language is not None:
        check_language(language)
    if language is None or language == "en":
        phonemes = phonemize_english(words, ipa)
    elif language == "zh":
        phonemes = phonemize_mandarin(words, ipa)
    elif language in _FOREIGN:
        phonemes = phonemize_foreign(words, language, ipa)
    else:
        spoken = ", ".join(sorted(_FOREIGN | {"en", "zh"}))
        raise BackendError(
            f"Kokoro does not speak {LANGUAGES[language]} ({language}), only {spoken}: have it spoken by espeak-ng"
        )
    return phonemes
