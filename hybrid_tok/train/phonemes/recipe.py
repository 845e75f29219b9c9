"""The English dictionary of `hybrid_tok.phonemes`, from the dictionaries of misaki (Apache-2.0)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import OptionsError
from hybrid_tok.phonemes.lexicon import Lexicon, parse_entry


def train_phonemes(data: Path, out: Path) -> Path:
    """Write `english.tsv.gz` and return its path. The same dictionaries give the same bytes.

    Args:
        data: the folder `misaki/data` of the package misaki 0.9.4, with `us_gold.json` and `us_silver.json`.
        out: folder to write to.

    Raises:
        OptionsError: a file cannot be read, or is no dictionary.
    """
    words = {**_read(data / "us_silver.json"), **_read(data / "us_gold.json")}
    out.mkdir(parents=True, exist_ok=True)
    target = out / "english.tsv.gz"
    with atomic_write(target) as file:
        file.write(pack(without_derived(words)))
    return target


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
        return {word: _line(entry) for word, entry in found.items()}
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise OptionsError(f"dictionary {path} cannot be read: {error}") from None


def _line(entry: Any) -> str:
    """An entry of misaki's as a line of ours; a tag without pronunciation, for words to be spelled, is left out."""
    if isinstance(entry, str):
        return entry
    usual = entry["DEFAULT"]
    others = sorted((tag, sounds) for tag, sounds in entry.items() if sounds not in (None, usual))
    return "\t".join([usual, *(f"{tag}={sounds}" for tag, sounds in others)])


def without_derived(words: Mapping[str, str]) -> dict[str, str]:
    """The entries without those that `Lexicon` derives from the others."""
    kept: dict[str, str] = {}
    lexicon = Lexicon(kept)
    # stems are shorter than what is derived from them, and small letters go before capitals
    for word in sorted(words, key=lambda word: (len(word), not word.islower(), word)):
        if lexicon.find(word) != parse_entry(words[word]):
            kept[word] = words[word]
    # an entry kept later may be found in place of a derived one ("Reading" for "reading")
    while wrong := [word for word in words if lexicon.find(word) != parse_entry(words[word])]:
        kept.update((word, words[word]) for word in wrong)
    return kept


def pack(words: Mapping[str, str]) -> bytes:
    """Compressed lines of a word and its entry, sorted, separated by tabs."""
    return gzip.compress("".join(f"{word}\t{words[word]}\n" for word in sorted(words)).encode(), mtime=0)
