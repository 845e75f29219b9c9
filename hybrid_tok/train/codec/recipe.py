"""The recipe of the unit codec: data, losses, schedule, evaluation, checkpoints, export.

The learning rate falls linearly to zero at the end of the budget, which is given in steps or in minutes. Batch k
depends only on the seed and k, so that a resumed run gets the same data.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from hybrid_tok.audio import read_mono
from hybrid_tok.codec.network import HOP, SAMPLE_RATE
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.train.codec.augment import draw_segment
from hybrid_tok.train.codec.export import export_codec
from hybrid_tok.train.codec.trainer import CodecTrainer, TrainCodecOptions
from hybrid_tok.train.data import SegmentSampler, load_clips

DEV_CLIPS = {"librispeech": 8, "speechocean762": 3, "ljspeech": 2, "aishell1": 3}
"""Clips per source that are scored while training."""
DEV_SECONDS = 6.0
LOG_STEPS = 100
EVALUATE_SECONDS = 450.0
"""Between evaluations and checkpoints."""


def train(options: TrainCodecOptions) -> Path:
    """Train until the budget or this call's slice of it is spent, resuming from a checkpoint in `out` if there is one.

    Returns:
        The exported weights so far, `out`/codec.safetensors, with their description beside them. `out`/log.jsonl has
        the losses and the development scores over time, `out`/latest.safetensors is the checkpoint for resuming.

    Raises:
        AudioError: the data cannot be read.
        WeightsError, OptionsError: a checkpoint in `out` is damaged, or of another model.
    """
    load_clips(options.data, options.out / "cache")
    if options.workers == 1:
        _work(0, options)
    else:
        with tempfile.TemporaryDirectory() as folder:  # rendezvous of the workers
            spawn(_work, (options, f"file://{folder}/meeting"), nprocs=options.workers)
    best = options.out / "best.safetensors"
    weights = options.out / "codec.safetensors"
    export_codec(best if best.exists() else options.out / "latest.safetensors", weights)
    return weights


def _work(rank: int, options: TrainCodecOptions, meeting: str | None = None) -> None:
    """One worker; the first also shows progress, evaluates, logs and saves."""
    if meeting is not None:
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=options.workers)
    clips = load_clips(options.data, options.out / "cache")
    trainer = CodecTrainer(options)
    latest = options.out / "latest.safetensors"
    if latest.exists():
        trainer.load(latest)
    batches = draw_batches(SegmentSampler(clips, options.frames * HOP), options, trainer.step, rank)
    journal = Journal(options, trainer) if rank == 0 else None
    before, started = trainer.seconds, time.monotonic()
    enough = math.inf if options.slice_minutes is None else before + 60 * options.slice_minutes
    try:
        for segments, kept in batches:
            # By the clock that all workers agree on: they stop at the same step.
            if trainer.spent >= 1 or trainer.seconds >= enough:
                break
            terms = trainer.train_step(segments, kept)
            trainer.clock = before + time.monotonic() - started
            if journal is not None and journal.note(terms):
                # Evaluation does not count towards the budget.
                started += journal.evaluate(tuple(range(1, min(2, options.model.num_codebooks) + 1)))
        if journal is not None:
            journal.evaluate(tuple(sorted({1, min(2, options.model.num_codebooks), options.model.num_codebooks})))
    finally:
        batches.close()
        if journal is not None:
            journal.close()
        if meeting is not None:
            dist.destroy_process_group()


def draw_batches(
    sampler: SegmentSampler, options: TrainCodecOptions, first: int, rank: int = 0
) -> Generator[tuple[Tensor, Tensor]]:
    """Batches (segments, kept codebooks) from step `first` on, each drawn in a thread while the one before is used."""
    count = options.batch // options.workers
    shares = np.array(options.prefix_shares) / sum(options.prefix_shares)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((options.seed, step, rank))
        segments = np.stack([draw_segment(sampler, rng) for _ in range(count)])
        return torch.from_numpy(segments), torch.from_numpy(rng.choice(len(shares), size=count, p=shares) + 1)

    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(draw, first)
        for step in itertools.count(first + 1):
            batch, ahead = ahead.result(), thread.submit(draw, step)
            yield batch


class Journal:
    """Progress bar, log, evaluation and checkpoints of a run."""

    def __init__(self, options: TrainCodecOptions, trainer: CodecTrainer) -> None:
        self._options, self._trainer = options, trainer
        self._dev = load_dev_clips(options.dev, DEV_CLIPS, DEV_SECONDS) if options.dev is not None else {}
        self._log = options.out / "log.jsonl"
        self._last = trainer.seconds
        self._sums: dict[str, float] = {}
        self._count = 0
        self._bar = Progress(console=Console(stderr=True))
        self._task = self._bar.add_task("codec", total=1.0)
        self._bar.start()

    def note(self, terms: dict[str, float]) -> bool:
        """Log a step; returns whether it is time to evaluate."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        loss = sum(value for name, value in terms.items() if name != "norm")
        said = f"step {self._trainer.step}, loss {loss:.3f}"
        self._bar.update(self._task, completed=self._trainer.spent, description=said)
        if self._count == LOG_STEPS:
            self._write({name: round(total / self._count, 4) for name, total in self._sums.items()})
            self._sums, self._count = {}, 0
        return self._trainer.seconds - self._last > EVALUATE_SECONDS

    def evaluate(self, prefixes: tuple[int, ...]) -> float:
        """Save, then score on the development clips; returns the seconds this took."""
        started = time.monotonic()
        trainer, latest = self._trainer, self._options.out / "latest.safetensors"
        self._last = trainer.seconds
        trainer.save(latest)
        if self._dev:
            scores = {k: score(self._dev, lambda x, k=k: trainer.reconstruct(x, k)) for k in prefixes}
            low = [source for k in prefixes[:2] for source in scores[k].values()]
            quality = float(np.mean([source["pesq_wb"] / 4.5 + source["stoi"] for source in low]))
            self._write({"dev": scores, "quality": round(quality, 4)})
            if quality > trainer.best_quality:
                trainer.best_quality = quality
                shutil.copyfile(latest, self._options.out / "best.safetensors")
        return time.monotonic() - started

    def close(self) -> None:
        self._bar.stop()

    def _write(self, entries: dict[str, Any]) -> None:
        options, trainer = self._options, self._trainer
        hours = round(trainer.step * options.batch * options.frames / 50 / 3600, 3)
        line = {"step": trainer.step, "minutes": round(trainer.seconds / 60, 2), "audio_hours": hours} | entries
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def load_dev_clips(data: Path, per_source: dict[str, int], seconds: float) -> dict[str, list[NDArray[np.float32]]]:
    """The first clips of each named source, cut to `seconds` and to whole frames."""
    clips: dict[str, list[NDArray[np.float32]]] = {}
    listed = read_manifest(data)
    for source, count in per_source.items():
        paths = [clip.path for clip in listed if clip.source == source]
        for path in paths[:: max(1, len(paths) // count)][:count]:
            samples = read_mono(path, SAMPLE_RATE)[0].samples[: int(seconds * SAMPLE_RATE)]
            clips.setdefault(source, []).append(samples[: len(samples) // HOP * HOP])
    return clips


def score(
    clips: dict[str, list[NDArray[np.float32]]], reconstruct: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> dict[str, dict[str, float]]:
    """Mean PESQ-wb and STOI per source; a clip in which PESQ finds no speech counts 1.0."""
    import pesq
    import pystoi

    out = {}
    for source, samples in clips.items():
        values = []
        for x in samples:
            y = reconstruct(x)
            quality = pesq.pesq(SAMPLE_RATE, x, y, "wb", on_error=pesq.PesqError.RETURN_VALUES)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                values.append((max(float(quality), 1.0), float(pystoi.stoi(x, y, SAMPLE_RATE))))
        mean = np.mean(values, axis=0)
        out[source] = {"pesq_wb": round(float(mean[0]), 4), "stoi": round(float(mean[1]), 4)}
    return out
