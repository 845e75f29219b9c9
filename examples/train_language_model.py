"""Train a small language model on hybrid tokens, and let it go on with a recording.

    pip install "hybrid-tok[lm,models,bench]"
    python examples/train_language_model.py RECORDINGS --held-out OTHERS --continue talk.wav --out run

RECORDINGS and OTHERS are folders of audio. Each recording becomes ids once; they are kept in the output folder, so that
a run that was stopped goes on where it was. The model is a Llama of a few million weights, made here: enough to see the
loss fall and to hear that what it writes is a stream, not enough to say anything sensible. `--layout units` trains the
same model on codec units alone; `bits_per_second` in `run/LAYOUT/report.json` compares the two.

In the output folder, `LAYOUT/`: `ids.jsonl`, `curve.json` (loss by step), `report.json`, and for each recording that
was continued `NAME.txt` (the stream; its first half is the recording's) and `NAME.wav`. `report.json` also has how many
words of these streams Whisper does not hear in their sound.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from hybrid_tok import HybridTokenizer
from hybrid_tok.audio import write_wav
from hybrid_tok.bench.hearing import Ear, error_rate
from hybrid_tok.lm.sampling import HybridLogitsProcessor
from hybrid_tok.tokens.render import format_stream
from hybrid_tok.tokens.stream import HybridStream, TextItem

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")


def main() -> None:
    arguments = read_arguments()
    folder: Path = arguments.out / arguments.layout
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = HybridTokenizer.from_preset(layout=arguments.layout, timing="free", num_codebooks=1, diarize=False)
    trained = encode(tokenizer, recordings(arguments.recordings)[: arguments.limit], folder / "ids.jsonl")
    tested = encode(tokenizer, recordings(arguments.held_out)[: arguments.limit], folder / "held_out.jsonl")
    model = make_model(tokenizer, arguments.width, arguments.layers, arguments.seed)
    batches = make_batches(tokenizer, [ids for ids, _ in trained], arguments)
    curve = fit(model, batches, arguments.steps, rate=2e-3, decay=0.05)
    (folder / "curve.json").write_text(json.dumps(curve) + "\n", "utf-8")
    report: dict[str, Any] = {
        "layout": arguments.layout,
        "weights": sum(weight.numel() for weight in model.parameters()),
        "steps": arguments.steps,
        "trained_seconds": round(sum(seconds for _, seconds in trained), 1),
        "trained_ids": sum(len(ids) for ids, _ in trained),
        **measure(model, tokenizer, tested),
    }
    torch.manual_seed(arguments.seed)
    streams = {path.stem: go_on(model, tokenizer, path, arguments.length) for path in arguments.go_on}
    report |= keep(tokenizer, streams, folder)
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of recordings to train on")
    parser.add_argument("--held-out", type=Path, required=True, help="folder of recordings to measure on")
    parser.add_argument(
        "--continue", dest="go_on", type=Path, nargs="+", default=[], help="recordings whose first halves are continued"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layout", choices=("hybrid", "text", "units"), default="hybrid")
    parser.add_argument("--limit", type=int, help="recordings of each folder, at most")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--context", type=int, default=256, help="ids that the model sees at once")
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--length", type=int, default=300, help="ids to go on with, at most")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def recordings(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise SystemExit(f"{folder} has no recordings ({', '.join(SUFFIXES)})")
    return found


def encode(tokenizer: HybridTokenizer, paths: Sequence[Path], kept: Path) -> list[tuple[list[int], float]]:
    """The ids and seconds of each recording; those in the file are not made again."""
    known: dict[str, dict[str, Any]] = {}
    if kept.exists():
        known = {one["path"]: one for one in map(json.loads, kept.read_text("utf-8").splitlines())}
    todo = [path for path in paths if str(path) not in known]
    with kept.open("a", encoding="utf-8") as file:
        for first in range(0, len(todo), 16):
            batch = todo[first : first + 16]
            for path, analysis in zip(batch, tokenizer.analyze_batch(batch), strict=True):
                known[str(path)] = {"path": str(path), "seconds": analysis.summary.seconds, "ids": analysis.ids}
                file.write(json.dumps(known[str(path)]) + "\n")
            file.flush()
    return [(list(known[str(path)]["ids"]), known[str(path)]["seconds"]) for path in paths]


def make_model(tokenizer: HybridTokenizer, width: int, layers: int, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=-(-tokenizer.vocabulary.size // 64) * 64,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 48),
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.vocabulary.pad_id,
        pad_token_id=tokenizer.vocabulary.pad_id,
    )
    return LlamaForCausalLM(config)


def fit(model: Any, batches: Iterable[dict[str, Any]], steps: int, rate: float, decay: float) -> list[float]:
    """Train what is not frozen; the loss of each step, in bits per id."""
    weights = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(weights, rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    curve: list[float] = []
    started = time.perf_counter()
    for step, batch in enumerate(batches):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        curve.append(round(float(loss.detach()) / math.log(2.0), 4))
        if step % 20 == 0:
            print(f"step {step} of {steps}: {curve[-1]:.2f} bits per id, {time.perf_counter() - started:.0f} s")
    return curve


def make_batches(
    tokenizer: HybridTokenizer, sequences: Sequence[list[int]], arguments: argparse.Namespace
) -> Iterator[dict[str, torch.Tensor]]:
    """Random stretches of random recordings (batch, context), padded at their end; long recordings come more often."""
    rng = np.random.default_rng(arguments.seed)
    sizes = np.array([len(ids) for ids in sequences], np.float64)
    for _ in range(arguments.steps):
        rows = np.full((arguments.batch, arguments.context), tokenizer.vocabulary.pad_id, np.int64)
        for row, number in zip(rows, rng.choice(len(sequences), arguments.batch, p=sizes / sizes.sum()), strict=True):
            ids = sequences[number]
            # The beginning of a recording is as likely as any other stretch: a model is asked to begin, too.
            first = max(0, int(rng.integers(-arguments.context // 2, max(1, len(ids) - arguments.context // 2))))
            stretch = ids[first : first + arguments.context]
            row[: len(stretch)] = stretch
        ids = torch.from_numpy(rows)
        labels = torch.where(ids == tokenizer.vocabulary.pad_id, -100, ids)
        yield {"input_ids": ids, "attention_mask": (labels >= 0).long(), "labels": labels}


@torch.no_grad()
def measure(
    model: LlamaForCausalLM, tokenizer: HybridTokenizer, tested: Sequence[tuple[list[int], float]]
) -> dict[str, float]:
    """What the model would need to write the recordings: bits per id and, to compare layouts, per second of sound."""
    model.eval()
    bits = ids_seen = 0.0
    for ids, _ in tested:
        whole = torch.tensor([[tokenizer.vocabulary.pad_id, *ids]])
        logits = model(input_ids=whole).logits[0, :-1].log_softmax(-1)
        bits -= float(logits.gather(1, whole[0, 1:, None]).sum()) / math.log(2.0)
        ids_seen += len(ids)
    seconds = sum(length for _, length in tested)
    return {
        "held_out_seconds": round(seconds, 1),
        "ids_per_second": round(ids_seen / seconds, 3),
        "bits_per_id": round(bits / ids_seen, 3),
        "bits_per_second": round(bits / seconds, 2),
    }


@torch.no_grad()
def go_on(model: Any, tokenizer: HybridTokenizer, path: Path, length: int) -> HybridStream:
    """Let the model continue the first half of a recording."""
    model.eval()
    ids = tokenizer.encode(path)
    prompt = ids[: len(ids) // 2]
    written = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        logits_processor=[HybridLogitsProcessor(tokenizer.vocabulary, bare=True)],
        max_new_tokens=length,
        do_sample=True,
        top_p=0.9,
    )[0].tolist()
    while written and written[-1] == tokenizer.vocabulary.pad_id:
        written.pop()
    return tokenizer.vocabulary.decode(written, errors="repair")


def keep(tokenizer: HybridTokenizer, streams: Mapping[str, HybridStream], folder: Path) -> dict[str, Any]:
    """Write streams and their sounds; how long they are, and what Whisper hears of the words that they have."""
    ear, seconds, judged = Ear(), 0.0, []
    for name, stream in streams.items():
        audio = tokenizer.decoder.decode(stream)
        write_wav(folder / f"{name}.wav", audio)
        (folder / f"{name}.txt").write_text(format_stream(stream, max_frames=4) + "\n", "utf-8")
        seconds += audio.seconds
        if text := words(stream):
            judged.append(ear.judge(audio, text))
    said = sum(one.said for one in judged)
    return {"streams": len(streams), "seconds": round(seconds, 2), "words": said, "word_error_rate": error_rate(judged)}


def words(stream: HybridStream) -> str:
    """What is said in a stream."""
    turns = (turn for channel in stream.channels for turn in channel.turns)
    return " ".join(item.text for turn in turns for item in turn.items if isinstance(item, TextItem))


if __name__ == "__main__":
    main()
