"""Teach a text model to speak: extend it with hybrid tokens, train a LoRA on recordings, and let it say a sentence and
go on with a recording.

    pip install "hybrid-tok[lm,models,bench]" peft
    python examples/speak_with_language_model.py MODEL RECORDINGS --held-out OTHERS --say "How are you?" \\
        --continue talk.wav --out run

MODEL is a causal language model of transformers, by name or folder. RECORDINGS and OTHERS are folders of audio; what is
said in them is the prompt, and the recording's tokens are the answer: words with their pitch, energy and duration,
pauses, and units for sounds. Each recording is also learned without a prompt, to be continued. The model's own weights
stay; trained are a LoRA (Hu et al. 2021) of its linear layers, the embeddings and the head.

In the output folder: `ids.json` and `held_out.json` (kept for the next run), `curve.json` (loss by step), `model/`
(merged, with the processor), `said.txt` and `said.wav`, the same for each recording that was continued (its first half
is the recording's), and `report.json`: bits per id on held-out recordings by kind of id, beside what the frequency of
each id alone would need (`without`), and how many of the written words Whisper does not hear. Words are copied from the
prompt, so that what counts is structure (durations, pauses), voice (voices, prosody), events and units.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from train_language_model import fit, keep, recordings, words
from transformers import AutoModelForCausalLM, AutoTokenizer

from hybrid_tok.lm import HybridCollator, HybridProcessor, Kind, extend
from hybrid_tok.lm.kinds import kinds_of
from hybrid_tok.tokens.stream import HybridStream

PROMPT = "Say: {} <|audio|>"


def main() -> None:
    arguments = read_arguments()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    options = {"timing": "locked", "durations": "word", "prosody": "word", "num_codebooks": 1, "diarize": False}
    model = AutoModelForCausalLM.from_pretrained(arguments.model)
    model, processor = extend(model, AutoTokenizer.from_pretrained(arguments.model), seed=arguments.seed, **options)
    recorded = encoded(processor, arguments.recordings, out / "ids.json", arguments.limit)
    held_out = encoded(processor, arguments.held_out, out / "held_out.json", arguments.limit)
    trained = examples(processor, recorded, arguments.context, alone=True)
    tested = examples(processor, held_out, arguments.context, alone=False)
    model, curve = train(model, processor, trained, arguments)
    (out / "curve.json").write_text(json.dumps(curve) + "\n", "utf-8")
    model.save_pretrained(out / "model")
    processor.save_pretrained(out / "model")
    report = {"trained": len(trained), "held_out": len(tested), "steps": arguments.steps}
    report["bits_per_id"] = measure(model, processor, trained, tested)
    streams = {"said": say(model, processor, arguments.say, arguments.length)}
    streams |= {path.stem: go_on(model, processor, path, arguments.length) for path in arguments.go_on}
    report |= keep(processor.hybrid, streams, out)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="causal language model: a folder, or a name on the Hugging Face hub")
    parser.add_argument("recordings", type=Path, help="folder of recordings to train on")
    parser.add_argument("--held-out", type=Path, required=True, help="folder of recordings to measure on")
    parser.add_argument("--say", required=True, help="what the trained model says")
    parser.add_argument(
        "--continue", dest="go_on", type=Path, nargs="+", default=[], help="recordings whose first halves are continued"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="recordings of each folder, at most")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--context", type=int, default=512, help="longer examples are left out")
    parser.add_argument("--rank", type=int, default=16, help="of the LoRA")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--length", type=int, default=300, help="ids to speak with, at most")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def encoded(processor: HybridProcessor, folder: Path, kept: Path, limit: int | None) -> list[list[int]]:
    """The ids of each recording; those in the file are not encoded again."""
    paths = recordings(folder)[:limit]
    known: dict[str, list[int]] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    todo = [path for path in paths if str(path) not in known]
    for first in range(0, len(todo), 16):
        batch = todo[first : first + 16]
        known |= zip(map(str, batch), processor.hybrid.encode_batch(batch), strict=True)
        kept.write_text(json.dumps(known), "utf-8")
    return [known[str(path)] for path in paths]


def examples(processor: HybridProcessor, streams: Sequence[list[int]], longest: int, *, alone: bool) -> list[list[int]]:
    """Recordings after prompts of what is said in them, and `alone` too; those that are too long are left out."""
    prompts = [PROMPT.format(words(processor.vocabulary.decode(ids))) for ids in streams]
    rows: list[list[int]] = processor(text=prompts, audio_ids=streams)["input_ids"]
    if alone:
        rows += processor(text=["<|audio|>"] * len(streams), audio_ids=streams)["input_ids"]
    short = [ids for ids in rows if len(ids) <= longest]
    if not short:
        raise SystemExit(f"no recording has at most {longest} ids")
    return short


def train(
    model: Any, processor: HybridProcessor, rows: Sequence[list[int]], arguments: argparse.Namespace
) -> tuple[Any, list[float]]:
    """The model with what was learned, and the loss of each step in bits per id."""
    tables = {id(model.get_input_embeddings()), id(model.get_output_embeddings())}
    names = [name.rpartition(".")[2] for name, module in model.named_modules() if id(module) in tables]
    lora = LoraConfig(r=arguments.rank, target_modules="all-linear", modules_to_save=names, ensure_weight_tying=True)
    adapted = get_peft_model(model, lora)
    adapted.print_trainable_parameters()
    curve = fit(adapted, batches(processor, rows, arguments), arguments.steps, arguments.rate, decay=0.01)
    return adapted.merge_and_unload().eval(), curve


def batches(
    processor: HybridProcessor, rows: Sequence[list[int]], arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Random examples; nothing is learned from prompts."""
    rng = np.random.default_rng(arguments.seed)
    collate = HybridCollator(processor, weights={Kind.OWN_TEXT: 0.0})
    for _ in range(arguments.steps):
        yield collate([{"input_ids": rows[number]} for number in rng.integers(0, len(rows), arguments.batch)])


@torch.no_grad()
def measure(
    model: Any, processor: HybridProcessor, trained: Sequence[list[int]], tested: Sequence[list[int]]
) -> dict[str, dict[str, float]]:
    """Bits per held-out id, by kind: with the model, and `without`: by how often each id of the kind was trained on."""
    space = processor.vocabulary.space
    seen = np.concatenate([np.asarray(ids) for ids in trained])
    seen_kinds = np.concatenate([kinds_of(space, ids) for ids in trained])
    needed: dict[Kind, list[float]] = {}
    held: dict[Kind, list[int]] = {}
    for ids in tested:
        row = torch.tensor([ids])
        losses = torch.nn.functional.cross_entropy(model(input_ids=row).logits[0, :-1], row[0, 1:], reduction="none")
        for kind, token, loss in zip(kinds_of(space, ids)[1:], ids[1:], losses.tolist(), strict=True):
            needed.setdefault(Kind(kind), []).append(loss / math.log(2.0))
            held.setdefault(Kind(kind), []).append(token)
    found: dict[str, dict[str, float]] = {}
    for kind in sorted(set(needed) - {Kind.OWN_TEXT, Kind.BOUNDARY, Kind.PADDING}):
        # An id that training never showed is rare, not impossible.
        counts = np.bincount(seen[seen_kinds == kind], minlength=space.size) + 0.1
        used = np.union1d(np.flatnonzero(counts > 1), held[kind])
        shares = np.log2(counts / counts[used].sum())
        without = -shares[held[kind]].mean()
        found[kind.name.lower()] = {
            "ids": len(held[kind]),
            "with": round(float(np.mean(needed[kind])), 3),
            "without": round(float(without), 3),
        }
    return found


def say(model: Any, processor: HybridProcessor, text: str, length: int) -> HybridStream:
    """Let the model speak."""
    prompt = processor(text=PROMPT.format(text).removesuffix("<|audio|>"))["input_ids"][0]
    return write(model, processor, prompt, length)


def go_on(model: Any, processor: HybridProcessor, path: Path, length: int) -> HybridStream:
    """Let the model continue the first half of a recording."""
    ids = processor(audio=[path])["input_ids"][0]
    return write(model, processor, ids[: len(ids) // 2], length)


@torch.no_grad()
def write(model: Any, processor: HybridProcessor, prompt: Sequence[int], length: int) -> HybridStream:
    """The stream that the model writes after a prompt, or goes on with."""
    written = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        logits_processor=[processor.logits_processor(audio="only", max_streams=1)],
        max_new_tokens=length,
        do_sample=True,
        top_p=0.8,
    )[0]
    parts = processor.decode(written, "parsed", errors="repair")
    return [part for part in parts if isinstance(part, HybridStream)][-1]


if __name__ == "__main__":
    main()
