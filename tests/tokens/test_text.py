"""Every Unicode string comes back unchanged, whichever tokenizer spells it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.errors import OptionsError, TextError
from hybrid_tok.tokens.stream import Channel, HybridStream, TextItem, Turn
from hybrid_tok.tokens.text import (
    _BYTE_CHARACTERS,
    BUNDLED_MODEL,
    SentencePieceText,
    TextTokenizer,
    TiktokenText,
    load_text_tokenizer,
)
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import TEXTS

LLMS = ("byte level", "byte fallback", "sentencepiece", "tiktoken file", "tiktoken object")
"""Kinds of text tokenizers that LLMs have."""

TRAPS = [
    "",
    " ",
    "  ",
    "so funny",
    " leading",
    "trailing ",
    "two  spaces",
    "a\nb",
    "\n",
    "\t\r\n",
    "\0",
    "nul\0inside",
    "\u2581",
    "\u2581so \u2581\u2581",
    "<|pause|>",
    "<s></s><unk><pad>",
    "<0x41>",
    "你好，世界",
    "Größe, déjà-vu",
    "Кот-д'Ивуар",
    "🙂👩‍👩‍👧‍👦🇫🇷",
    "\u0301",
    "e\u0301 \u00e9",  # the same letter, composed and not: a normaliser would make them one
    "\ufb01 ① Ａ",  # what compatibility normalisation would rewrite
    "\ufeffmarked",
    "\ue000\U0010ffff\uffff\ufffd",
    "12 345",
    "\u00a0\u3000\u200b",
    "\u0627\u0644\u0633\u0644\u0627\u0645",
]


def test_what_the_bundled_model_writes() -> None:
    bundled = load_text_tokenizer()
    assert bundled.size == 32768
    assert [bundled.piece(index) for index in bundled.encode("so funny 42")] == ["▁so", "▁funny", "▁", "4", "2"]
    assert not bundled.keeps_ids
    assert [bundled.piece(index) for index in sorted(bundled.silent)] == ["<unk>"]


@pytest.mark.parametrize("text", TRAPS)
def test_traps_come_back(text: str, tokenizer: TextTokenizer) -> None:
    for spaced in (True, False):
        ids = tokenizer.encode(text, spaced)
        assert tokenizer.decode(ids, spaced) == text
        assert not tokenizer.silent.intersection(ids)
        assert all(0 <= index < tokenizer.size for index in ids)


@given(TEXTS, st.booleans())
def test_any_text_comes_back_from_the_bundled_model(text: str, spaced: bool) -> None:
    bundled = load_text_tokenizer()
    ids = bundled.encode(text, spaced)
    assert bundled.decode(ids, spaced) == text
    assert not bundled.silent.intersection(ids)


@given(st.lists(st.integers(1, 32767), max_size=8), st.booleans())
def test_any_ids_have_a_text(ids: list[int], spaced: bool) -> None:
    bundled = load_text_tokenizer()
    text = bundled.decode(ids, spaced)
    assert bundled.decode(bundled.encode(text, spaced), spaced) == text


def test_consecutive_items_spell_their_texts_joined_with_spaces(tokenizer: TextTokenizer) -> None:
    words = ["so", "funny", "that"]
    joined = [index for word in words for index in tokenizer.encode(word)]
    assert tokenizer.decode(joined) == "so funny that"


def test_without_spaces_consecutive_items_spell_their_texts_joined(tokenizer: TextTokenizer) -> None:
    joined = [index for word in ("so", "你好", " funny") for index in tokenizer.encode(word, spaced=False)]
    assert tokenizer.decode(joined, spaced=False) == "so你好 funny"


def test_without_spaces_words_keep_their_pieces(tokenizer: TextTokenizer) -> None:
    """Also those of a tokenizer that puts a space before every text itself: nothing is spelled in bytes."""
    spelled = tokenizer.encode("sofunnysofunny", spaced=False)
    assert len(spelled) <= len(tokenizer.encode("sofunnysofunny")) + 1
    assert not any(tokenizer.piece(index).startswith("<0x") for index in spelled)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(TextError, match="character 2 of the text is a lone surrogate"):
        load_text_tokenizer().encode("ab\ud800")
    with pytest.raises(ValueError):
        load_text_tokenizer().encode("\udfff")


def test_a_long_text_with_a_trap_keeps_its_words() -> None:
    """Only what does not come back by itself is spelled in bytes."""
    bundled = load_text_tokenizer()
    text = " ".join(["so funny"] * 50)
    trapped = f"{text} \u2581 {text}"
    assert bundled.decode(bundled.encode(trapped)) == trapped
    assert len(bundled.encode(trapped)) < 2 * len(bundled.encode(text)) + 30


def test_recognizer_english_is_cheap() -> None:
    text = 'She said, "I have been waiting for you all these years," and he didn\'t look at her.'
    assert len(load_text_tokenizer().encode(text)) <= 1.25 * len(text.split())
    heard = "i have been waiting for you all these years she said and he looked at her without a word"
    assert len(load_text_tokenizer().encode(heard)) <= 1.1 * len(heard.split())


@pytest.mark.parametrize(
    "text", ["设定二十九度，谢谢。", "這個國家說話", "こんにちは、世界", "안녕하세요", "สวัสดี", "नमस्ते", "مرحبا", "ßéłő"]
)
def test_characters_in_common_use_cost_a_token_at_most(text: str) -> None:
    assert len(load_text_tokenizer().encode(text, spaced=False)) <= len(text)


def test_words_without_spaces_between_them_have_pieces() -> None:
    bundled = load_text_tokenizer()
    pieces = [bundled.piece(index) for index in bundled.encode("我们现在没有时间", spaced=False)]
    assert pieces == ["我们", "现在", "没有", "时间"]


def test_the_shipped_model_is_the_one_its_card_describes() -> None:
    report = json.loads(BUNDLED_MODEL.with_suffix(".json").read_text("utf-8"))
    assert report["fingerprint"] == hashlib.sha256(BUNDLED_MODEL.read_bytes()).hexdigest()[:16]
    assert report["fingerprint"] == load_text_tokenizer().fingerprint
    card = (BUNDLED_MODEL.parent / "README.md").read_text("utf-8")
    assert report["fingerprint"] in card


@pytest.mark.parametrize("kind", LLMS)
def test_an_llm_keeps_its_ids(kind: str, tmp_path: Path) -> None:
    """The LLM's ids are ids of the vocabulary as they are; ours come after; special tokens are never text."""
    tokenizer = _made(kind, tmp_path)
    assert tokenizer.keeps_ids
    voc = Vocabulary(VocabularyOptions("test", 10), tokenizer)
    assert voc.space.audio_open.start == tokenizer.size
    stream = HybridStream((Channel((Turn(0, (TextItem("so funny <|im_end|>", 3),)),)),))
    ids = voc.encode(stream)
    assert ids[1:-4] == tokenizer.encode("so funny <|im_end|>")
    assert voc.decode(ids) == stream
    for special in tokenizer.silent:
        assert not voc.grammar.admits(voc.grammar.advance(voc.grammar.start, ids[0]), special)
    assert len({voc.token_name(token) for token in range(voc.size)}) == voc.size


# -- tokenizers as LLMs have them, small --------------------------------------------------------------------------


def byte_level_json() -> dict[str, Any]:
    """Byte-level BPE with a normaliser that loses information, merges, specials, and a whitespace token."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {character: index for index, character in enumerate(alphabet)}
    merges = [("Ġ", "s"), ("Ġs", "o"), ("f", "u"), ("n", "n")]
    for left, right in merges:
        vocab[left + right] = len(vocab)
    made = Tokenizer(models.BPE(vocab, merges))
    made.normalizer = normalizers.NFC()  # type: ignore[assignment]
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    made.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    made.add_special_tokens(["<|im_end|>", "<|pad|>"])
    made.add_tokens(["<think>"])
    made.add_tokens(["\n\n"])
    return json.loads(made.to_str())


def byte_fallback_json() -> dict[str, Any]:
    """SentencePiece-like BPE as in Llama 2: a space put before every text, U+2581 for spaces, bytes for the rest."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"<0x{value:02X}>": 3 + value for value in range(256)}
    for piece in ("▁", "s", "o", "▁s", "▁so", "f", "u", "n", "y"):
        vocab[piece] = len(vocab)
    made = Tokenizer(models.BPE(vocab, [("▁", "s"), ("▁s", "o")], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])  # type: ignore[assignment]
    made.decoder = decoders.Sequence(  # type: ignore[assignment]
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    return json.loads(made.to_str())


def sentencepiece_model() -> bytes:
    """A SentencePiece model as LLMs have them: a dummy prefix, NFKC, spaces squeezed, control pieces."""
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["so funny that it is so funny", "is it that funny"] * 50),
        model_writer=model,
        vocab_size=290,
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()


def tiktoken_ranks() -> bytes:
    pieces = [bytes([value]) for value in range(256)] + [b" s", b" so", b"fu", b"nn"]
    return b"".join(base64.b64encode(piece) + f" {rank}\n".encode() for rank, piece in enumerate(pieces))


@pytest.fixture(params=["bundled", *LLMS])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    return _made(request.param, tmp_path_factory.mktemp("tokenizer"))


def _made(kind: str, folder: Path) -> TextTokenizer:
    if kind == "bundled":
        return load_text_tokenizer()
    if kind == "tiktoken object":
        import tiktoken

        ranks = {bytes([value]): value for value in range(256)} | {b" so": 257}  # 256 is a gap
        return TiktokenText(
            tiktoken.Encoding("small", pat_str=r" ?\S+|\s", mergeable_ranks=ranks, special_tokens={"<|im_end|>": 300})
        )
    if kind == "tiktoken file":
        path = folder / "r50k_base.tiktoken"
        path.write_bytes(tiktoken_ranks())
    elif kind == "sentencepiece":
        path = folder / "tokenizer.model"
        path.write_bytes(sentencepiece_model())
    else:
        path = folder / "tokenizer.json"
        settings = byte_level_json() if kind == "byte level" else byte_fallback_json()
        path.write_text(json.dumps(settings), "utf-8")
    return load_text_tokenizer(path)


def test_added_tokens_of_an_llm_are_spelled_out_in_a_text(tmp_path: Path) -> None:
    """`<think>` is not even marked special in its file; whitespace tokens are text."""
    byte_level = _made("byte level", tmp_path)
    names = {byte_level.piece(index): index for index in range(byte_level.size)}
    assert byte_level.silent == {names["<|im_end|>"], names["<|pad|>"], names["<think>"]}
    assert names["\n\n"] in byte_level.encode("a\n\nb")
    assert byte_level.decode(byte_level.encode("a<think>b")) == "a<think>b"


def test_words_keep_the_pieces_the_llm_knows(tmp_path: Path) -> None:
    for kind in ("byte level", "byte fallback", "tiktoken file"):
        (folder := tmp_path / kind).mkdir()
        made = _made(kind, folder)
        assert len(made.encode("so")) == 1, kind


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("absent.json", None, "No such file"),
        ("tokenizer.json", b"{", "no tokenizer.json"),
        ("tokenizer.json", b"[]", "no tokenizer.json"),
        ("tokenizer.model", b"nonsense", "no tokenizer.json"),
        ("tokenizer.model", b"", "no tokenizer.json"),
        ("unknown.tiktoken", b"AA== 0\n", "does not say how to split"),
        ("r50k_base.tiktoken", b"AA== 0\n", "no byte fallback"),
    ],
)
def test_files_that_are_no_tokenizer(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OptionsError, match=message) as caught:
        load_text_tokenizer(path)
    assert str(path) in str(caught.value) or "r50k" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_without_bytes_is_refused() -> None:
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["so funny"] * 50),
        model_writer=model,
        vocab_size=12,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    with pytest.raises(OptionsError, match="no byte fallback"):
        SentencePieceText(model.getvalue(), "words only")


def test_an_llm_without_ids_for_control_characters(tmp_path: Path) -> None:
    """SmolLM2 lacks 21 bytes, which no text needs; text that does need one is refused, and says so."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    letters = set(pre_tokenizers.ByteLevel.alphabet())
    lacking = {_BYTE_CHARACTERS[value] for value in (0x04, 0x06, 0xC0, 0xC1, 0xF1, 0xF2, *range(0xF5, 0x100))}
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=sorted(letters - lacking), show_progress=False)
    tokenizer.train_from_iterator(["so funny"], trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    text = load_text_tokenizer(tmp_path / "tokenizer.json")
    assert all(text.decode(text.encode(one)) == one for one in TRAPS)
    with pytest.raises(TextError, match=r"cannot spell U\+0006: it has no id for byte 0x06"):
        text.encode("so \x06 funny")
