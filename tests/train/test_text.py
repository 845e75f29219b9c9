"""The recipe of the text model: the same files give the same bytes; errors are one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.text import load_text_tokenizer
from hybrid_tok.train.text.characters import standard_characters
from hybrid_tok.train.text.corpus import HELD_OUT, balance, language_of, read_languages, split_held_out
from hybrid_tok.train.text.recipe import TextTrainingOptions, train

STORY = "so funny that you would never believe it was a story of the old days and of who was there"
WORDS = STORY.split()


def corpus(folder: Path) -> Path:
    """A small but not quite silly text of 400 lines."""
    folder.mkdir()
    lines = [" ".join(WORDS[(i * k) % len(WORDS)] for k in range(1, 9)).capitalize() + "." for i in range(1, 401)]
    (folder / "story.txt").write_text("\n".join(lines), "utf-8")
    return folder


def test_the_same_text_gives_the_same_model(tmp_path: Path) -> None:
    data = corpus(tmp_path / "text")
    one = train(TextTrainingOptions(data, tmp_path / "one", vocab_size=310, characters="我们"))
    two = train(TextTrainingOptions(data, tmp_path / "two", vocab_size=310, characters="我们"))
    assert one.read_bytes() == two.read_bytes()
    made = load_text_tokenizer(one)
    assert made.size == 310
    for text in ("So funny", "so  funny\n", "\u2581", "你好"):
        assert made.decode(made.encode(text)) == text
    assert [made.piece(index) for index in made.encode("我们", spaced=False)] == ["我", "们"]
    assert len(made.encode("你", spaced=False)) == 3
    report = json.loads((tmp_path / "one" / "text.json").read_text("utf-8"))
    assert report["fingerprint"] == made.fingerprint
    measured = report["held_out"]["story.txt"]["en"]
    assert 1 <= measured["per_word"] < 6
    assert measured["per_second"] == pytest.approx(14.7 * measured["per_character"], abs=0.01)


def test_languages_without_spaces_are_learned_without_one_before(tmp_path: Path) -> None:
    data = corpus(tmp_path / "text")
    (data / "chinese.txt").write_text("我们好\n我们来\n" * 20, "utf-8")
    made = load_text_tokenizer(train(TextTrainingOptions(data, tmp_path / "out", vocab_size=310, characters="")))
    pieces = {made.piece(index) for index in range(made.size)}
    assert "我们" in pieces and "\u2581我们" not in pieces
    report = json.loads((tmp_path / "out" / "text.json").read_text("utf-8"))
    assert report["held_out"]["chinese.txt"]["zh"] == {"per_word": 2.0, "per_character": 0.667, "per_second": 1.93}


def test_held_out_lines_are_not_trained_on() -> None:
    lines = [f"line {i}" for i in range(1, 2 * HELD_OUT + 1)]
    trained, held_out = split_held_out(lines)
    assert held_out == [f"line {HELD_OUT}", f"line {2 * HELD_OUT}"]
    assert sorted(trained + held_out) == sorted(lines)


@pytest.mark.parametrize(
    "line, language",
    [
        ("He said that it was the end of the day.", "en"),
        ("Wir können nicht einfach davonlaufen.", "de"),
        ("C'est le plus beau jardin que j’aie jamais vu.", "fr"),
        ("De politieke partij is eerder rechts en heeft een sterke achterban.", "nl"),
        ("Голод в некоторых районах", "ru"),
        ("时尚生活园区 LOFT", "zh"),
        ("Kenia", ""),
    ],
)
def test_the_language_of_a_line(line: str, language: str) -> None:
    assert language_of(line) == language


def test_lines_are_read_by_language(tmp_path: Path) -> None:
    """One German line among many English ones is taken for English; pinyin, markup and spaces are left out."""
    path = tmp_path / "mixed.txt"
    english = ["it was  _not_ the end of it"] * 40
    other = ["das ist nicht wahr", "Kenia", "\ufeff我们", "我们", "我们", "zhuōmíng， wùlǐxué", ""]
    path.write_text("\n".join(english + other), "utf-8")
    assert read_languages(path) == {
        "en": ["it was not the end of it"] * 40 + ["das ist nicht wahr", "Kenia"],
        "zh": ["我们"] * 3,
    }


def test_small_languages_count_more() -> None:
    assert balance({"en": ["x" * 900], "de": ["x" * 50, "x" * 50], "zh": ["x"]}) == {"en": 1, "de": 3, "zh": 30}


def test_characters_in_common_use() -> None:
    characters = standard_characters()
    assert len(set(characters)) == len(characters) < 11000
    assert set("ñłßąçЖґωשشپहயกあア世们們学學한，。？") <= set(characters)
    assert all(character > "\x7f" and character.isprintable() for character in characters)


def test_options_outside_their_range(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="vocab_size"):
        TextTrainingOptions(tmp_path, tmp_path, vocab_size=299)


def test_no_text_or_too_little(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"no text to train on; it must have \.txt files"):
        train(TextTrainingOptions(tmp_path, tmp_path / "out"))
    (tmp_path / "tiny.txt").write_text("too little\n", "utf-8")
    with pytest.raises(OptionsError, match="cannot train 32768 pieces") as caught:
        train(TextTrainingOptions(tmp_path, tmp_path / "out"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
