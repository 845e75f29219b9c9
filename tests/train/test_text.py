"""The recipe of the text model: the same files give the same bytes; errors are one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.text import load_text_tokenizer
from hybrid_tok.train.text.recipe import HELD_OUT, TextTrainingOptions, read_lines, spoken, train

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
    one = train(TextTrainingOptions(data, tmp_path / "one", vocab_size=305))
    two = train(TextTrainingOptions(data, tmp_path / "two", vocab_size=305))
    assert one.read_bytes() == two.read_bytes()
    made = load_text_tokenizer(one)
    assert made.size == 305
    for text in ("So funny", "so  funny\n", "\u2581", "你好"):
        assert made.decode(made.encode(text)) == text
    report = json.loads((tmp_path / "one" / "text.json").read_text("utf-8"))
    assert report["fingerprint"] == made.fingerprint
    assert 1 <= report["held_out"]["story.txt"]["heard_per_word"] < 6


def test_held_out_lines_are_not_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(f" line   {i}\n" for i in range(1, 2 * HELD_OUT + 1)), "utf-8")
    trained, held_out = read_lines(path)
    assert held_out == [f"line {HELD_OUT}", f"line {2 * HELD_OUT}"]
    assert len(trained) == 2 * HELD_OUT - 2 and not set(trained) & set(held_out)


def test_as_a_recognizer_writes_it() -> None:
    assert spoken('"Don\'t -- you dare!" he said, at 5.') == "don't you dare he said at 5"
    assert spoken("...") == ""


@pytest.mark.parametrize(
    "change, message",
    [({"vocab_size": 299}, "vocab_size"), ({"character_coverage": 0.5}, "character_coverage")],
)
def test_options_outside_their_range(change: dict[str, float], message: str, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=message):
        TextTrainingOptions(tmp_path, tmp_path, **change)  # type: ignore[arg-type]


def test_no_text_or_too_little(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"no \.txt files"):
        train(TextTrainingOptions(tmp_path, tmp_path / "out"))
    (tmp_path / "tiny.txt").write_text("too little\n", "utf-8")
    with pytest.raises(OptionsError, match="cannot train 8192 pieces") as caught:
        train(TextTrainingOptions(tmp_path, tmp_path / "out"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
