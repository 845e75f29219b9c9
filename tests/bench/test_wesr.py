"""WESR-Bench: sentences with tags read, compared and written."""

from __future__ import annotations

import json

import pytest

from hybrid_tok.bench import wesr
from hybrid_tok.bench.wesr import Tag, Tagged, read_tags, tag_hits


def test_tags_lie_between_and_over_words() -> None:
    tagged = read_tags("well [laughter] I <laughing>really mean</laughing> it [cough]")
    assert tagged.words == ("well", "i", "really", "mean", "it")
    assert tagged.tags == (Tag("laugh", 1, 1), Tag("laugh", 2, 4), Tag("cough", 5, 5))


@pytest.mark.parametrize(
    ("sentence", "tags"),
    [
        ("[Clear throat] yes", (Tag("throat_clear", 0, 0),)),
        ("<crying>oh no", (Tag("cry", 0, 2),)),
        ("oh no</crying>", ()),
        ("[unknown tag] hm", (Tag("other", 0, 0),)),
        ("", ()),
    ],
)
def test_tags_that_are_odd(sentence: str, tags: tuple[Tag, ...]) -> None:
    assert read_tags(sentence).tags == tags


def test_words_of_languages_without_spaces_are_characters() -> None:
    assert read_tags("你好[laughter]吗", "zh") == Tagged(("你", "好", "吗"), (Tag("laugh", 2, 2),))


def test_known_tags_make_a_sentence_tagged() -> None:
    assert wesr.has_tags("so [laughter] funny") and wesr.has_tags("<laughing>so</laughing>")
    assert not wesr.has_tags("a list [of things] <b>bold</b>")
    assert wesr.strip_tags("so [laughter] <laughing>very</laughing> funny") == "so very funny"


@pytest.mark.parametrize(
    ("found", "hits"),
    [
        ("one two [laughter] three four five", 1),
        ("one [laughter] two three four five", 1),  # a word off
        ("[laughter] one two three four five", 0),  # two words off
        ("one two [cough] three four five", 0),
        ("one two [laughter] [laughter] three four five", 1),  # there is one to find
        ("one so two [laughter] three four five", 1),  # a word too many moves nothing
        ("two [laughter] three four five", 1),
        ("[laughter]", 0),
        ("", 0),
    ],
)
def test_a_tag_counts_at_its_place(found: str, hits: int) -> None:
    reference = read_tags("one two [laughter] three four five")
    assert tag_hits(reference, read_tags(found)) == hits


def test_a_span_is_found_by_any_of_its_words() -> None:
    reference = read_tags("one <laughing>two three four</laughing> five six seven eight")
    assert tag_hits(reference, read_tags("one two three [laughter] four five six seven eight")) == 1
    assert tag_hits(reference, read_tags("one two three four five six seven [laughter] eight")) == 0


def test_a_line_of_its_jsonl() -> None:
    line = wesr.to_line("a/b.wav", "你好 [laughter]")
    assert "你好" in line and json.loads(line) == {"audio": {"path": "a/b.wav"}, "sentence": "你好 [laughter]"}
