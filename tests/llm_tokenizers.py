"""Small tokenizers of the kinds that language models have, as transformers loads them."""

from __future__ import annotations

import json
from functools import cache

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

KINDS = ("gpt2", "qwen", "llama", "gemma")

CORPUS = ["hello world so funny that the cat sat on the mat", "transcribe this please", "你好 世界"] * 4

CHAT_ML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(kind: str) -> PreTrainedTokenizerFast:
    """A fresh tokenizer of a kind."""
    data, special = _trained(kind)
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(data), **special)


@cache
def _trained(kind: str) -> tuple[str, dict[str, str]]:
    return {"gpt2": _gpt2, "qwen": _qwen, "llama": _llama, "gemma": _gemma}[kind]()


def _byte_level(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens(special)  # after the pieces, as in the originals
    return tokenizer


def _gpt2() -> tuple[str, dict[str, str]]:
    return _byte_level(["<|endoftext|>"]).to_str(), {"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>"}


def _qwen() -> tuple[str, dict[str, str]]:
    tokenizer = _byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer.to_str(), {
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": CHAT_ML,
    }


def _byte_fallback(first: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[*first, *(f"<0x{value:02X}>" for value in range(256))],
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _llama() -> tuple[str, dict[str, str]]:
    tokenizer = _byte_fallback(["<unk>", "<s>", "</s>"])
    tokenizer = _without_byte_specials(tokenizer)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    _begin_with(tokenizer, "<s>")
    return tokenizer.to_str(), {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "chat_template": "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}</s>{% endfor %}",
    }


def _gemma() -> tuple[str, dict[str, str]]:
    tokenizer = _without_byte_specials(_byte_fallback(["<pad>", "<eos>", "<bos>", "<unk>"]))
    tokenizer.add_tokens([AddedToken("\n\n", normalized=False)])
    _begin_with(tokenizer, "<bos>")
    return tokenizer.to_str(), {
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "chat_template": "{{ bos_token }}{% for m in messages %}{{ m['role'] }}\n{{ m['content'] }}\n\n{% endfor %}",
    }


def _begin_with(tokenizer: Tokenizer, token: str) -> None:
    """Put a token before every text."""
    special = [(token, tokenizer.token_to_id(token))]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{token} $A", special_tokens=special)


def _without_byte_specials(tokenizer: Tokenizer) -> Tokenizer:
    """The bytes are plain pieces of a real model; only the trainer wants them as special tokens."""
    settings = json.loads(tokenizer.to_str())
    settings["added_tokens"] = [one for one in settings["added_tokens"] if not one["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(settings))
