"""What reads words that no dictionary here has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class IpaReader(Protocol):
    """Pronounces words of any spelling by rule."""

    def read(self, words: Sequence[str], language: str) -> tuple[str, ...]:
        """The IPA of each word of a phrase, with stress marks and with ties (U+0361) in affricates and diphthongs.

        Several spoken words are separated by a space; a word without sound has an empty string.

        Args:
            words: without white space inside.
            language: a code of `core.languages`; English is American, Portuguese Brazilian.
        """
        ...
