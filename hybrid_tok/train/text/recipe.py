"""The recipe of the bundled text model: a SentencePiece unigram model (Kudo 2018, arXiv 1804.10959).

Identity normalization, so that text comes back as it was; byte fallback, so that every text has a spelling; digits
apart, so that numbers are read digit by digit; no control pieces, since streams have their own. Pieces may hold letters
and punctuation together (`don't`, `l'`, `."`), because recognizers write both: that saves 4% of the English and 9% of
the French tokens. Sentences start as text items do (see `hybrid_tok.tokens.text`): with a space, unless the language
has none between words.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.text import SentencePieceText
from hybrid_tok.train.text.characters import standard_characters
from hybrid_tok.train.text.corpus import balance, read_languages, split_held_out

CHARACTERS_PER_SECOND: Mapping[str, float] = MappingProxyType(
    {"en": 14.7, "zh": 2.9, "de": 15.0, "fr": 15.0, "nl": 15.0, "ru": 15.0}
)
"""Written characters, spaces and punctuation too, per second of speech: English in LJSpeech and Mandarin in AISHELL-1,
counted over whole clips; the others are assumed."""


@dataclass(frozen=True, slots=True)
class TextTrainingOptions:
    """How the text model is trained.

    Attributes:
        data: folder of UTF-8 `.txt` files, a sentence or paragraph per line.
        out: folder the model is written to, as `text.model`, with what was measured in `text.json`.
        vocab_size: pieces, the 256 bytes among them.
        characters: get a piece each, besides every character of the text.
        max_sentence_length: longer lines are left out, in bytes.
    """

    data: Path
    out: Path
    vocab_size: int = 32768
    characters: str = field(default_factory=standard_characters)
    max_sentence_length: int = 8192

    def __post_init__(self) -> None:
        if self.vocab_size < 300:
            raise OptionsError(f"vocab_size must be at least 300 (256 are bytes), not {self.vocab_size}")


def train(options: TextTrainingOptions) -> Path:
    """Train the model and write it; the same files give the same model, byte for byte.

    Raises:
        OptionsError: there is no text in the folder, or too little for so many pieces.
    """
    import sentencepiece

    lines: dict[str, list[str]] = {}
    held_out: dict[str, dict[str, list[str]]] = {}
    for file in sorted(options.data.glob("*.txt")):
        for language, found in sorted(read_languages(file).items()):
            kept, held_out.setdefault(file.name, {})[language] = split_held_out(found)
            lines.setdefault(language, []).extend(kept)
    if not lines:
        raise OptionsError(f"{options.data}: no text to train on; it must have .txt files")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_weighted(lines),
            input_format="tsv",
            model_writer=model,
            model_type="unigram",
            vocab_size=options.vocab_size,
            byte_fallback=True,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            split_digits=True,
            split_by_unicode_script=False,
            character_coverage=1.0,
            required_chars=options.characters,
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
        "held_out": {
            name: {language: _measure(trained, language, texts) for language, texts in languages.items() if texts}
            for name, languages in held_out.items()
        },
    }
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / "text.model"
    with atomic_write(target) as out:
        out.write(model.getvalue())
    with atomic_write(options.out / "text.json") as out:
        out.write(f"{json.dumps(report, indent=2)}\n".encode())
    return target


def _weighted(languages: Mapping[str, list[str]]) -> Iterator[str]:
    """Sentences as text items spell them, each with its weight behind a tab."""
    weights = balance(languages)
    for language, lines in languages.items():
        start = " " if writes_spaces(language) else ""
        for line in lines:
            yield f"{start}{line}\t{weights[language]}"


def _measure(model: SentencePieceText, language: str, lines: list[str]) -> dict[str, float]:
    """Pieces per word, per character and per second of speech."""
    pieces = sum(len(model.encode(line, writes_spaces(language))) for line in lines)
    per_character = pieces / sum(map(len, lines))
    return {
        "per_word": round(pieces / sum(len(line.split()) for line in lines), 3),
        "per_character": round(per_character, 3),
        "per_second": round(per_character * CHARACTERS_PER_SECOND[language], 2),
    }
