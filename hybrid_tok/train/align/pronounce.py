"""The recipe of the letter-to-sound model: a small convolutional network with CTC (Graves et al. 2006), trained on the
CMU Pronouncing Dictionary, which it packs for the package too.

A letter has few sounds, and in order: connectionist temporal classification needs no alignment of letters to phones
beforehand, and its beam gives alternative pronunciations.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid_tok.align.goodness import edit_distance
from hybrid_tok.align.pronounce import DICTIONARY, LETTERS, PHONES, SLOTS, SpellingModel, spelling_model
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.arrays import save_arrays
from hybrid_tok.train.align.dictionary import Dictionary, load_dictionary

HELD_OUT = 40
"""One word in so many is kept out of training, to measure on."""

_PAD = len(LETTERS)


@dataclass(frozen=True, slots=True)
class TrainPronounceOptions:
    """What `hybrid-tok train pronounce` can be told.

    Attributes:
        out: folder for `pronounce.safetensors`, `pronounce.json` and the packed dictionary, `cmudict.gz`.
        dictionary: a file in CMUdict's format; None is the dictionary in the package.
        epochs: passes over the dictionary; the learning rate falls to zero along a cosine.
        batch: words per step.
        width, layers, taps: of the network; a layer sees `taps` letters.
        learning_rate: at its highest.
        words: how many words to learn from; 0 is all of them.
        seed: of initialization and order.
    """

    out: Path
    dictionary: Path | None = None
    epochs: int = 12
    batch: int = 256
    width: int = 160
    layers: int = 4
    taps: int = 5
    learning_rate: float = 2e-3
    words: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.width, self.layers) < 1 or self.taps % 2 == 0 or self.words < 0:
            raise OptionsError(f"epochs, batch, width and layers must be positive and taps odd, not {self}")


class SpellingNetwork(nn.Module):
    """`align.pronounce.SpellingModel` as it is trained."""

    def __init__(self, width: int, layers: int, taps: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(_PAD + 1, width, padding_idx=_PAD)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, taps, padding=taps // 2) for _ in range(layers))
        self.output = nn.Linear(width, SLOTS * (1 + len(PHONES)))
        self.drop = nn.Dropout(0.1)

    def forward(self, letters: Tensor) -> Tensor:
        """Letters (B, L), padded, to log probabilities (B, SLOTS * L, 1 + phones)."""
        inside = (letters != _PAD)[:, None]
        hidden = self.embedding(letters).transpose(1, 2)
        for layer in self.layers:
            hidden = hidden + functional.relu(layer(self.drop(hidden))) * inside
        logits = self.output(hidden.transpose(1, 2))
        return logits.unflatten(2, (SLOTS, -1)).flatten(1, 2).log_softmax(-1)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """As `SpellingModel` reads them."""
        named = {"embedding": self.embedding.weight[:_PAD], "output": self.output.weight.T}
        named["output_bias"] = self.output.bias
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Conv1d) and layer.bias is not None
            named[f"kernel{index}"] = layer.weight.permute(2, 1, 0)  # (out, in, taps) to (taps, in, out)
            named[f"bias{index}"] = layer.bias
        return {name: tensor.detach().numpy() for name, tensor in named.items()}


def examples(words: Dictionary) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs of a word and a pronunciation to learn from, and the words held out."""
    chosen = [w for w in sorted(words) if all(c in LETTERS for c in w) and any(c in LETTERS[:-1] for c in w)]
    held_out = chosen[HELD_OUT - 1 :: HELD_OUT]
    kept_out = set(held_out)
    pairs = [
        (word, phones)
        for word in chosen
        if word not in kept_out
        for phones in words[word]
        if _needed(phones.split()) <= SLOTS * len(word)  # "w" is spelled D AH B AH L Y UW: not by its letter's sound
    ]
    return pairs, held_out


def train(options: TrainPronounceOptions) -> Path:
    """Train the model and write it with what was measured; one seed gives one model on one machine."""
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    words, packed = load_dictionary(options.dictionary)
    pairs, held_out = examples(words)
    if not pairs:
        raise OptionsError(f"dictionary {options.dictionary} has no words to learn from")
    if options.words:
        chosen = random.choice(len(pairs), min(options.words, len(pairs)), replace=False)
        pairs, held_out = [pairs[i] for i in sorted(chosen)], held_out[: options.words]
    network = SpellingNetwork(options.width, options.layers, options.taps)
    optimizer = torch.optim.AdamW(network.parameters(), options.learning_rate, (0.9, 0.98), weight_decay=0.01)
    steps = options.epochs * math.ceil(len(pairs) / options.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / steps))
    began = time.monotonic()
    for epoch in range(options.epochs):
        network.train()
        total = 0.0
        for batch in _batches([len(word) for word, _ in pairs], options.batch, random):
            loss = _loss(network, [pairs[i] for i in batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        print(f"epoch {epoch + 1}: loss {total / len(pairs):.4f} a word, {time.monotonic() - began:.0f} s", flush=True)
    arrays = network.arrays()
    read = SpellingModel({name: array.astype(np.float16).astype(np.float32) for name, array in arrays.items()})
    report = {"words": len(pairs), **measure(read, held_out, words), "dictionary": hashlib.sha256(packed).hexdigest()}
    target = options.out / "pronounce.safetensors"
    save_arrays(target, arrays, report)
    with atomic_write(options.out / DICTIONARY.name) as file:
        file.write(packed)
    spelling_model(target)
    return target


def measure(model: SpellingModel, held_out: Sequence[str], words: Dictionary) -> dict[str, float]:
    """Phone and word error rate on words of a dictionary, against the nearest of a word's pronunciations.

    `either_error_rate` counts a word as right where one of the pronunciations given is.
    """
    errors = phones = wrong = neither = 0
    for word in held_out:
        truths = [tuple(text.split()) for text in words[word]]
        found = model.pronounce(word)
        distance, length = min((edit_distance(found[0], truth), len(truth)) for truth in truths)
        errors, phones = errors + distance, phones + length
        wrong += distance > 0
        neither += not any(one in truths for one in found)
    return {
        "held_out": len(held_out),
        "phone_error_rate": round(errors / max(phones, 1), 4),
        "word_error_rate": round(wrong / max(len(held_out), 1), 4),
        "either_error_rate": round(neither / max(len(held_out), 1), 4),
    }


def _loss(network: SpellingNetwork, pairs: list[tuple[str, str]]) -> Tensor:
    lengths = torch.tensor([len(word) for word, _ in pairs])
    letters = torch.full((len(pairs), int(lengths.max())), _PAD)
    for row, (word, _) in zip(letters, pairs, strict=True):
        row[: len(word)] = torch.tensor([LETTERS.index(letter) for letter in word])
    labels = [[1 + PHONES.index(phone) for phone in phones.split()] for _, phones in pairs]
    flat = torch.tensor([label for row in labels for label in row])
    outputs = network(letters).transpose(0, 1)
    return functional.ctc_loss(
        outputs, flat, SLOTS * lengths, torch.tensor([len(row) for row in labels]), reduction="sum"
    ) / len(pairs)


def _batches(lengths: list[int], batch: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Indices by batch: words of like length together, in random order."""
    order = np.argsort(np.asarray(lengths) + random.random(len(lengths)) * 2.0)
    cuts = np.array_split(order, math.ceil(len(order) / batch))
    return [cuts[i] for i in random.permutation(len(cuts))]


def _rate(progress: float) -> float:
    """Share of the highest learning rate: up over the first 3%, then down along a cosine."""
    return min(progress / 0.03, 1.0) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def _needed(phones: list[str]) -> int:
    """Outputs that CTC needs: one per phone, and a blank between two alike."""
    return len(phones) + sum(a == b for a, b in pairwise(phones))
