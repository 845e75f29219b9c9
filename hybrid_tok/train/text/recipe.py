"""The recipe of the bundled text model: a SentencePiece unigram model (Kudo 2018, arXiv 1804.10959).

Identity normalisation, so that text comes back as it was; byte fallback, so that every text has a spelling; digits
apart, so that numbers are read digit by digit; no control pieces, since streams have their own. Recognizers write
lower case without punctuation, people do not: every sentence is learned in both forms. Each starts with a space, as
every text item is spelled (see `hybrid_tok.tokens.text`), so that a word has the same pieces wherever it stands.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.text import SentencePieceText

HELD_OUT = 50
"""Every so-manieth line of each file is kept out of training, to measure on."""


@dataclass(frozen=True, slots=True)
class TextTrainingOptions:
    """How the text model is trained.

    Attributes:
        data: folder of UTF-8 `.txt` files, a sentence or paragraph per line.
        out: folder the model is written to, as `text.model`, with what was measured in `text.json`.
        vocab_size: pieces, the 256 bytes among them.
        character_coverage: share of the characters of the text that get a piece of their own; the rarest are spelled
            in bytes.
        max_sentence_length: longer lines are left out, in bytes.
    """

    data: Path
    out: Path
    vocab_size: int = 8192
    character_coverage: float = 0.9998
    max_sentence_length: int = 8192

    def __post_init__(self) -> None:
        if self.vocab_size < 300:
            raise OptionsError(f"vocab_size must be at least 300 (256 are bytes), not {self.vocab_size}")
        if not 0.9 <= self.character_coverage <= 1.0:
            raise OptionsError(f"character_coverage must be in [0.9, 1], not {self.character_coverage}")


def train(options: TextTrainingOptions) -> Path:
    """Train the model and write it; the same files give the same model, byte for byte.

    Raises:
        OptionsError: there is no text in the folder, or too little for so many pieces.
    """
    import sentencepiece

    files = sorted(options.data.glob("*.txt"))
    if not files:
        raise OptionsError(f"{options.data}: no .txt files to train on")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_spoken_and_written(line for file in files for line in read_lines(file)[0]),
            model_writer=model,
            model_type="unigram",
            vocab_size=options.vocab_size,
            byte_fallback=True,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            split_digits=True,
            character_coverage=options.character_coverage,
            max_sentence_length=options.max_sentence_length,
            num_threads=1,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            unk_id=0,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise OptionsError(f"{options.data}: cannot train {options.vocab_size} pieces on it: {error}") from None
    trained = SentencePieceText(model.getvalue(), str(options.data))
    report = {
        "vocab_size": trained.size,
        "fingerprint": trained.fingerprint,
        "held_out": {file.name: _measure(trained, read_lines(file)[1]) for file in files},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / "text.model"
    with atomic_write(target) as out:
        out.write(model.getvalue())
    with atomic_write(options.out / "text.json") as out:
        out.write(f"{json.dumps(report, indent=2)}\n".encode())
    return target


def read_lines(file: Path) -> tuple[list[str], list[str]]:
    """The lines of a file, single-spaced: to train on, and held out."""
    lines = [" ".join(line.split()) for line in file.read_text("utf-8").splitlines()]
    lines = [line for line in lines if line]
    held_out = lines[HELD_OUT - 1 :: HELD_OUT]
    del lines[HELD_OUT - 1 :: HELD_OUT]
    return lines, held_out


def spoken(sentence: str) -> str:
    """A sentence as a recognizer writes it: lower case, no punctuation but apostrophes."""
    kept = "".join(c if c.isalnum() or c in "'’" else " " for c in sentence.lower())
    return " ".join(kept.split())


def _spoken_and_written(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f" {line}"
        if heard := spoken(line):
            yield f" {heard}"


def _measure(model: SentencePieceText, lines: list[str]) -> dict[str, float]:
    """Pieces per word (per character where words are not spaced is in `per_character`) as written and as heard."""

    def ratio(texts: list[str]) -> tuple[float, float]:
        pieces = sum(len(model.encode(text)) for text in texts)
        words, characters = sum(len(text.split()) for text in texts), sum(map(len, texts))
        return round(pieces / max(words, 1), 3), round(pieces / max(characters, 1), 3)

    written, heard = ratio(lines), ratio([text for line in lines if (text := spoken(line))])
    return {
        "written_per_word": written[0],
        "written_per_character": written[1],
        "heard_per_word": heard[0],
        "heard_per_character": heard[1],
    }
