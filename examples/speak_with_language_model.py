"""Teach a text model to speak: extend it with hybrid tokens, train a LoRA on recordings, and let it say a sentence.

    pip install "hybrid-tok[lm,models]" peft
    python examples/speak_with_language_model.py MODEL RECORDINGS --held-out OTHERS --say "How are you?" --out run

MODEL is a causal language model of transformers, by name or folder. RECORDINGS and OTHERS are folders of audio; what is
said in them is the prompt, and the recording's tokens are the answer: words with their pitch, energy and duration,
pauses, and units for sounds. The model's own weights stay; trained are a LoRA (Hu et al. 2021) of its linear layers,
the embeddings and the head.

In the output folder: `ids.json` and `held_out.json` (kept for the next run), `curve.json` (loss by step), `model/`
(merged, with the processor), `said.txt`, `said.wav`, and `report.json`: bits per id on held-out recordings by kind of
id, beside what the frequency of each id alone would need (`without`). Words are copied from the prompt, so that what
counts is structure (durations, pauses), voice (voices, prosody), events and units.
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
from train_language_model import fit, recordings
from transformers import AutoModelForCausalLM, AutoTokenizer

from hybrid_tok.audio import write_wav
from hybrid_tok.lm import HybridCollator, HybridProcessor, Kind, extend
from hybrid_tok.lm.kinds import kinds_of
from hybrid_tok.tokens.render import format_stream
from hybrid_tok.tokens.stream import TextItem

PROMPT = "Say: {} <|audio|>"


def main() -> None:
    arguments = read_arguments()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    options = {"timing": "locked", "durations": "word", "prosody": "word", "num_codebooks": 1, "diarize": False}
    model = AutoModelForCausalLM.from_pretrained(arguments.model)
    model, processor = extend(model, AutoTokenizer.from_pretrained(arguments.model), seed=arguments.seed, **options)
    trained = examples(processor, arguments.recordings, out / "ids.json", arguments)
    tested = examples(processor, arguments.held_out, out / "held_out.json", arguments)
    model, curve = train(model, processor, trained, arguments)
    (out / "curve.json").write_text(json.dumps(curve) + "\n", "utf-8")
    model.save_pretrained(out / "model")
    processor.save_pretrained(out / "model")
    report = {"trained": len(trained), "held_out": len(tested), "steps": arguments.steps}
    report["bits_per_id"] = measure(model, processor, trained, tested)
    report |= say(model, processor, arguments.say, arguments.length, out)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="causal language model: a folder, or a name on the Hugging Face hub")
    parser.add_argument("recordings", type=Path, help="folder of recordings to train on")
    parser.add_argument("--held-out", type=Path, required=True, help="folder of recordings to measure on")
    parser.add_argument("--say", required=True, help="what the trained model says")
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


def examples(processor: HybridProcessor, folder: Path, kept: Path, arguments: argparse.Namespace) -> list[list[int]]:
    """Each recording as the ids of prompt and answer; those in the file are not encoded again."""
    paths = recordings(folder)[: arguments.limit]
    known: dict[str, list[int]] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    todo = [path for path in paths if str(path) not in known]
    for first in range(0, len(todo), 16):
        batch = todo[first : first + 16]
        known |= zip(map(str, batch), processor.hybrid.encode_batch(batch), strict=True)
        kept.write_text(json.dumps(known), "utf-8")
    texts = [PROMPT.format(words(processor, known[str(path)])) for path in paths]
    made = [
        processor(text=text, audio_ids=[known[str(path)]])["input_ids"][0]
        for path, text in zip(paths, texts, strict=True)
    ]
    short = [ids for ids in made if len(ids) <= arguments.context]
    if not short:
        raise SystemExit(f"{folder} has no recording of at most {arguments.context} ids")
    return short


def words(processor: HybridProcessor, ids: Sequence[int]) -> str:
    """What is said in a recording."""
    turns = (turn for channel in processor.vocabulary.decode(ids).channels for turn in channel.turns)
    return " ".join(item.text for turn in turns for item in turn.items if isinstance(item, TextItem))


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


@torch.no_grad()
def say(model: Any, processor: HybridProcessor, text: str, length: int, out: Path) -> dict[str, Any]:
    """Let the model speak; what it wrote, and its sound."""
    prompt = torch.tensor(processor(text=PROMPT.format(text).removesuffix("<|audio|>"))["input_ids"])
    written = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        logits_processor=[processor.logits_processor(audio="only", max_streams=1)],
        max_new_tokens=length,
        do_sample=True,
        top_p=0.8,
    )[0]
    stream = processor.decode(written, "parsed", errors="repair")[-1]
    audio = processor.hybrid.decoder.decode(stream)
    write_wav(out / "said.wav", audio)
    (out / "said.txt").write_text(format_stream(stream, max_frames=4) + "\n", "utf-8")
    return {"said_ids": len(written) - prompt.shape[1], "said_seconds": round(audio.seconds, 2)}


if __name__ == "__main__":
    main()
