"""Text to pieces and back, losslessly: the bundled SentencePiece model, or an LLM's own tokenizer in its place.

A text item is spelled with one space before it that is not part of the text. So a word has the same pieces wherever
it stands, those that a language model was trained on, and the pieces of consecutive items spell their texts joined
with spaces. In languages without spaces between words there is none. Pieces are joined as bytes, so that ids that
spell invalid UTF-8 (a model may sample them) still have a text, with U+FFFD for invalid bytes.

Whatever a tokenizer would change in a text (normalise it, write U+2581 as a space, recognize `<s>` in it) is detected
by decoding the pieces, and what does not come back the same is spelled in bytes.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hybrid_tok.errors import OptionsError, TextError, WeightsError

if TYPE_CHECKING:
    import tiktoken

BUNDLED_MODEL = Path(__file__).parent / "text_model" / "text.model"

_SPACE = "\u2581"
"""SentencePiece's own spelling of a space."""

_TEXT_BYTES = frozenset(range(0x20, 0xF5)) - {0x7F, 0xC0, 0xC1, 0xF1, 0xF2}
"""The byte values that occur in the UTF-8 of text: control characters and the planes without characters left out, for
which some LLMs (SmolLM2) have no ids."""

_TIKTOKEN_PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "r50k_base": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
        "cl100k_base": (
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"
            r"|\s*[\r\n]|\s+(?!\S)|\s"
        ),
    }
)
"""The patterns by which published rank files split text into words; the files do not have them."""


class TextTokenizer(ABC):
    """Text to ids in [0, size) and back: `decode(encode(text)) == text` for every text, spaced or not.

    Subclasses give the bytes that each id spells, and the outside library's own way to spell a text.

    Attributes:
        name: for messages.
        fingerprint: changes whenever an id could spell something else.
        keeps_ids: whether the ids are an LLM's, which stay where they are in a vocabulary.
    """

    def __init__(self, name: str, fingerprint: str, spellings: Sequence[bytes | None], keeps_ids: bool = True) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.keeps_ids = keeps_ids
        self._spellings = tuple(spellings)
        self._byte_ids: dict[int, int] = {}
        for index, spelling in enumerate(self._spellings):
            if spelling is not None and self._is_byte(index, spelling):
                self._byte_ids.setdefault(spelling[0], index)
        if not self._byte_ids.keys() >= _TEXT_BYTES:
            raise OptionsError(f"{name}: the text tokenizer has no byte fallback, so it cannot spell every text")

    @property
    def size(self) -> int:
        """How many ids there are, those that spell nothing counted in."""
        return len(self._spellings)

    @cached_property
    def silent(self) -> frozenset[int]:
        """Ids that spell nothing, such as control ids; they are never part of a text."""
        return frozenset(index for index, spelling in enumerate(self._spellings) if spelling is None)

    def encode(self, text: str, spaced: bool = True) -> list[int]:
        """The pieces of a text.

        Args:
            spaced: whether a space is spelled before it, as the language has one between words.

        Raises:
            TextError: the text has lone surrogates, which are no Unicode, or a control character for which an LLM's
                tokenizer has no id.
        """
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise TextError(f"character {error.start} of the text is a lone surrogate, which is not Unicode") from None
        wanted = f" {text}" if spaced else text
        ids = self._split(wanted) if wanted else []
        if self._joined(ids) != wanted.encode():  # it may put a space before every text itself
            ids = self._split(text) if spaced else self._behind_bar(text)
        return ids if self._joined(ids) == wanted.encode() else self._exact(wanted)

    def decode(self, ids: Sequence[int], spaced: bool = True) -> str:
        """The text that ids spell.

        Args:
            spaced: whether a space before it is not part of it.

        Raises:
            ValueError: some spell nothing (`silent`).
        """
        joined = self._joined(ids)
        if joined is None:
            raise ValueError(f"ids of {self.name} that spell nothing are no text")
        text = joined.decode(errors="replace")
        return text.removeprefix(" ") if spaced else text

    @abstractmethod
    def piece(self, index: int) -> str:
        """What an id stands for, in the tokenizer's own writing; unique."""

    @abstractmethod
    def _split(self, text: str) -> list[int]:
        """The library's pieces of a text, which need not decode to the same text."""

    def _is_byte(self, index: int, spelling: bytes) -> bool:
        """Whether an id is for byte fallback."""
        return len(spelling) == 1

    def _joined(self, ids: Sequence[int]) -> bytes | None:
        """The bytes ids spell; None if some spell nothing."""
        try:
            return b"".join([self._spellings[index] for index in ids])  # type: ignore[misc]
        except TypeError:
            return None

    def _behind_bar(self, text: str) -> list[int]:
        """The library's pieces of a text after a bar, which hardly ever merges with what follows, and the space before
        that; both are removed."""
        ids = self._split(f"|{text}")
        ends = (end for end in range(1, len(ids) + 1) if self._joined(ids[:end]) in (b"|", b" |"))
        return ids[next(ends, 0) :]

    def _exact(self, text: str) -> list[int]:
        """Ids of a text that decode to it: parts that do not are halved until they do, or are one character."""
        ids = self._split(text)
        if self._joined(ids) == text.encode():
            return ids
        if len(text) > 1:
            middle = len(text) // 2
            return self._exact(text[:middle]) + self._exact(text[middle:])
        try:
            return [self._byte_ids[value] for value in text.encode()]
        except KeyError as error:
            raise TextError(
                f"{self.name} cannot spell U+{ord(text):04X}: it has no id for byte 0x{error.args[0]:02X}"
            ) from None


class SentencePieceText(TextTokenizer):
    """A SentencePiece model with byte fallback."""

    def __init__(self, model: bytes, name: str, keeps_ids: bool = True) -> None:
        import sentencepiece

        self._processor: Any = sentencepiece.SentencePieceProcessor()
        self._processor.LoadFromSerializedProto(model)
        spellings = [self._spelling(index) for index in range(self._processor.vocab_size())]
        super().__init__(name, hashlib.sha256(model).hexdigest()[:16], spellings, keeps_ids)

    def piece(self, index: int) -> str:
        return self._processor.id_to_piece(index)

    def _spelling(self, index: int) -> bytes | None:
        processor = self._processor
        if processor.is_control(index) or processor.is_unknown(index) or processor.is_unused(index):
            return None
        piece: str = processor.id_to_piece(index)
        return bytes([int(piece[3:5], 16)]) if processor.is_byte(index) else piece.replace(_SPACE, " ").encode()

    def _is_byte(self, index: int, spelling: bytes) -> bool:
        return self._processor.is_byte(index)

    def _split(self, text: str) -> list[int]:
        return self._processor.encode(text)


class TokenizersText(TextTokenizer):
    """A Hugging Face `tokenizer.json`: byte-level BPE, or SentencePiece-like with byte fallback.

    Its added tokens (such as `<|im_end|>`) are silent, whether the file calls them special or not: in a text they
    are spelled out like any other characters. Only those of whitespace alone count as text.
    """

    def __init__(self, data: bytes, name: str) -> None:
        from tokenizers import Tokenizer

        settings: dict[str, Any] = json.loads(data)
        added: list[dict[str, Any]] = settings.get("added_tokens") or []
        for token in added:  # kept in the file, because each one's id depends on the others
            token["special"] = token["special"] or not token["content"].isspace()
        self._tokenizer = Tokenizer.from_str(json.dumps(settings))
        self._tokenizer.encode_special_tokens = True  # as ordinary text, that is
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._pieces: dict[int, str] = {index: piece for piece, index in self._tokenizer.get_vocab().items()}
        silent = {token["id"] for token in added if token["special"]}
        blank = {token["id"] for token in added} - silent
        self._byte_level = _mentions(settings.get("decoder"), "ByteLevel")
        spell = _spell_byte_level if self._byte_level else _spell_byte_fallback
        spellings: list[bytes | None] = [None] * (max(self._pieces, default=-1) + 1)
        unknown = settings["model"].get("unk_token")
        for index, piece in self._pieces.items():
            if index in blank:
                spellings[index] = piece.encode()
            elif index not in silent and piece != unknown:
                spellings[index] = spell(piece)
        super().__init__(name, hashlib.sha256(data).hexdigest()[:16], spellings)

    def piece(self, index: int) -> str:
        return self._pieces.get(index, f"<|unused:{index}|>")

    def _is_byte(self, index: int, spelling: bytes) -> bool:
        piece = self._pieces[index]
        return len(spelling) == 1 and (self._byte_level or piece.startswith("<0x"))

    def _split(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids


class TiktokenText(TextTokenizer):
    """A tiktoken encoding; its special tokens are silent."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encoding = encoding
        silent = {encoding.encode_single_token(token) for token in encoding.special_tokens_set}
        spellings: list[bytes | None] = []
        for index in range(encoding.n_vocab):
            try:
                spellings.append(None if index in silent else encoding.decode_single_token_bytes(index))
            except KeyError:  # a gap between the ranks and the special tokens
                spellings.append(None)
        digest = hashlib.sha256(repr(spellings).encode())
        digest.update(encoding._pat_str.encode())
        super().__init__(encoding.name, digest.hexdigest()[:16], spellings)

    @classmethod
    def from_file(cls, path: Path, pattern: str | None = None) -> TiktokenText:
        """A rank file (`.tiktoken`), as an encoding without special tokens.

        Args:
            pattern: the regular expression that splits text into words; known for cl100k_base and r50k_base.

        Raises:
            OptionsError: no pattern is known for the file's name.
        """
        import tiktoken
        from tiktoken.load import load_tiktoken_bpe

        pattern = pattern or _TIKTOKEN_PATTERNS.get(path.stem)
        if pattern is None:
            raise OptionsError(
                f"{path}: a rank file does not say how to split text; make a TiktokenText with its pattern"
            )
        return cls(
            tiktoken.Encoding(
                path.stem, pat_str=pattern, mergeable_ranks=load_tiktoken_bpe(str(path)), special_tokens={}
            )
        )

    def piece(self, index: int) -> str:
        spelling = self._spellings[index]
        if spelling is None:
            return f"<|special:{index}|>"
        return "".join(map(_BYTE_CHARACTERS.__getitem__, spelling))

    def _split(self, text: str) -> list[int]:
        return self._encoding.encode_ordinary(text)


def load_text_tokenizer(path: str | Path | None = None) -> TextTokenizer:
    """The bundled text model, or the tokenizer in a file: `tokenizer.json`, a SentencePiece model or `.tiktoken` ranks.

    Raises:
        OptionsError: no such file, or no tokenizer in it that can spell every text.
        WeightsError: the bundled model is missing.
    """
    if path is None:
        return _bundled()
    file = Path(path)
    try:
        if file.suffix == ".tiktoken":
            return TiktokenText.from_file(file)
        data = file.read_bytes()
        return TokenizersText(data, str(file)) if file.suffix == ".json" else SentencePieceText(data, str(file))
    except ModuleNotFoundError as error:
        raise OptionsError(f"{file} needs {error.name}: pip install 'hybrid-tok[llm]'") from None
    except OSError as error:
        raise OptionsError(f"{file}: {error.strerror or error}") from None
    except OptionsError:
        raise
    except Exception as error:  # the libraries raise whatever they like for a file that is something else
        reason = " ".join(str(error).split())[:200]
        raise OptionsError(f"{file} is no tokenizer.json, SentencePiece model or .tiktoken file: {reason}") from None


@cache
def _bundled() -> TextTokenizer:
    try:
        model = BUNDLED_MODEL.read_bytes()
    except OSError as error:
        raise WeightsError(f"{BUNDLED_MODEL}: {error.strerror}; reinstall hybrid-tok") from None
    return SentencePieceText(model, "the bundled text model", keeps_ids=False)


def _byte_characters() -> tuple[str, ...]:
    """The printable character that byte-level BPE writes for each byte (GPT-2): itself, or one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [value for value in range(256) if value not in printable]
    return tuple(chr(value if value in printable else 0x100 + others.index(value)) for value in range(256))


_BYTE_CHARACTERS = _byte_characters()
_BYTE_VALUES: Mapping[str, int] = MappingProxyType(
    {character: value for value, character in enumerate(_BYTE_CHARACTERS)}
)


def _spell_byte_level(piece: str) -> bytes | None:
    try:
        return bytes(map(_BYTE_VALUES.__getitem__, piece))
    except KeyError:
        return None


def _spell_byte_fallback(piece: str) -> bytes | None:
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return bytes.fromhex(piece[3:5])
    return piece.replace(_SPACE, " ").encode()


def _mentions(component: dict[str, Any] | None, kind: str) -> bool:
    """Whether a component of a `tokenizer.json`, or one in its sequence, is of a kind."""
    if component is None:
        return False
    return component["type"] == kind or any(_mentions(part, kind) for part in component.get("decoders", ()))
