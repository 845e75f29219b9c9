"""The recipe of the English pronunciation dictionary."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from hybrid_tok.errors import OptionsError
from hybrid_tok.phonemes.lexicon import Lexicon, parse_entry
from hybrid_tok.train.phonemes.recipe import train_phonemes, without_derived


def test_what_is_left_out_follows_from_the_rest() -> None:
    words = {
        **{"cat": "kˈæt", "cats": "kˈæts", "Cat": "kˈæt", "read": "ɹˈid", "reading": "ɹˈidɪŋ", "Reading": "ɹˈɛdɪŋ"},
        **{"bus": "bˈʌs", "buses": "bˈʌsɪz", "use": "jˈuz\tNOUN=jˈus", "uses": "jˈuzᵻz\tNOUN=jˈusᵻz"},
    }
    kept = without_derived(words)
    assert set(words) - set(kept) == {"cats", "Cat", "uses"}
    assert all(Lexicon(kept).find(word) == parse_entry(entry) for word, entry in words.items())


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="misaki 0.9.4 is for Python below 3.13")
def test_the_dictionary_in_the_package_is_that_of_the_recipe(tmp_path: Path) -> None:
    made = train_phonemes(Path(str(files("misaki") / "data")), tmp_path)
    shipped = Path(str(files("hybrid_tok.phonemes") / "english.tsv.gz"))
    assert hashlib.sha256(made.read_bytes()).digest() == hashlib.sha256(shipped.read_bytes()).digest()


def test_what_is_no_dictionary(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"us_silver\.json cannot be read"):
        train_phonemes(tmp_path, tmp_path)
    (tmp_path / "us_silver.json").write_text(json.dumps({"a": {"NOUN": "A"}}))
    with pytest.raises(OptionsError, match=r"us_silver\.json cannot be read"):
        train_phonemes(tmp_path, tmp_path)
