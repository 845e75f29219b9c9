"""The recipe of unit merges: clips are encoded once, and the BPE trainer of `tokenizers` counts their frames.

Each distinct frame is a character of the trainer's text, each clip a word of it. A frame that occurs once cannot be
part of a frequent sequence: it has no character, and separates what is before it from what is after it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.core.timeline import FRAME_RATE, Grid
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.merges_file import save_merges
from hybrid_tok.tokens.stream import Frame
from hybrid_tok.tokens.unit_merges import MAX_FRAMES, UnitMerges

_FIRST_CHARACTER = 0x10000
"""Above all surrogates."""
_CHARACTERS = 0x110000 - _FIRST_CHARACTER


@dataclass(frozen=True, slots=True)
class TrainUnitsOptions:
    """What merges are made of.

    Attributes:
        data: folder of clips with a `manifest.jsonl`.
        out: folder for the codes, which are used again, and for `units.json` and `report.json`.
        codebooks: of each frame, from the first: 1 merges over codebook 0 alone.
        merges: how many at most; a pair is merged only if it occurs twice.
        max_frames: of a merged unit.
        every: encode one clip in so many.
        held_out: one encoded clip in so many is not trained on, but measured.
    """

    data: Path
    out: Path
    codebooks: int = 1
    merges: int = 4096
    max_frames: int = 16
    every: int = 1
    held_out: int = 20

    def __post_init__(self) -> None:
        for name in ("codebooks", "merges", "every"):
            if getattr(self, name) < 1:
                raise OptionsError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 2 <= self.max_frames <= MAX_FRAMES:
            raise OptionsError(f"max_frames must be 2..{MAX_FRAMES}, not {self.max_frames}")
        if self.held_out < 2:
            raise OptionsError(f"held_out must be at least 2, not {self.held_out}")


def train(options: TrainUnitsOptions, codec: UnitCodec | None = None) -> Path:
    """Make merges and return their path. The same data and codec give the same bytes.

    Args:
        codec: whose units are merged; None is the one in the package.

    Raises:
        OptionsError: the codec has fewer codebooks, or no two frames occur twice one after the other.
    """
    if codec is None:
        from hybrid_tok.codec.backend import BuiltinCodec

        codec = BuiltinCodec()
    if options.codebooks > codec.num_codebooks:
        raise OptionsError(f"{options.codebooks} codebooks asked for, but {codec.name} has {codec.num_codebooks}")
    runs = [codes[:, : options.codebooks] for codes in _encoded(options, codec)]
    held_out = runs[options.held_out - 1 :: options.held_out]
    trained = [codes for number, codes in enumerate(runs) if (number + 1) % options.held_out]
    merges = learn_merges(trained, codec.fingerprint, options.merges, options.max_frames)
    target, frame_rate = options.out / "units.json", Grid(codec.sample_rate, codec.hop).frame_rate
    save_merges(target, merges)
    report = {
        "codec": codec.fingerprint,
        "codebooks": options.codebooks,
        "merges": len(merges.merges),
        "fingerprint": merges.fingerprint,
        "trained": measure(merges, trained, frame_rate),
        "held_out": measure(merges, held_out, frame_rate),
    }
    with atomic_write(options.out / "report.json") as out:
        out.write(f"{json.dumps(report, indent=2)}\n".encode())
    return target


def learn_merges(
    runs: Sequence[NDArray[np.integer]], codec: str, merges: int, max_frames: int = MAX_FRAMES
) -> UnitMerges:
    """Merges of the most frequent pairs in runs of codes (frames, codebooks).

    Args:
        codec: fingerprint of whose codes these are.
        merges: how many at most.
        max_frames: of a merged unit.

    Raises:
        OptionsError: no pair of frames occurs twice.
    """
    try:
        from tokenizers import Tokenizer, models, trainers
    except ModuleNotFoundError:
        raise OptionsError("training unit merges needs tokenizers: pip install 'hybrid-tok[llm]'") from None
    counts = Counter(frame for run in runs for frame in _frames(run))
    common = [frame for frame, count in counts.most_common(_CHARACTERS) if count > 1]
    characters = {frame: chr(_FIRST_CHARACTER + number) for number, frame in enumerate(sorted(common))}
    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=len(characters) + merges, min_frequency=2, max_token_length=max_frames, show_progress=False
    )
    tokenizer.train_from_iterator(_words(runs, characters), trainer)
    pairs: list[list[str]] = json.loads(tokenizer.to_str())["model"]["merges"]
    if not pairs:
        raise OptionsError("no two frames occur twice one after the other: give more clips, or fewer codebooks")
    frames_of = {character: frame for frame, character in characters.items()}
    used = sorted({character for pair in pairs for character in "".join(pair)})
    numbers = {character: number for number, character in enumerate(used)}
    joined: list[tuple[int, int]] = []
    for left, right in pairs:
        joined.append((numbers[left], numbers[right]))
        numbers[left + right] = len(used) + len(joined) - 1
    return UnitMerges(codec, tuple(frames_of[character] for character in used), tuple(joined))


def measure(
    merges: UnitMerges, runs: Sequence[NDArray[np.integer]], frame_rate: Fraction = Fraction(FRAME_RATE)
) -> dict[str, float]:
    """Seconds of codes, and ids per second without and with merges."""
    frames = sum(map(len, runs))
    seconds = float(frames / frame_rate)
    width = merges.num_codebooks
    units = [unit for run in runs for unit in merges.encode(list(_frames(run)))]
    ids = sum(1 if isinstance(unit, int) else width for unit in units)
    return {
        "seconds": round(seconds, 2),
        "ids_per_second_unmerged": round(frames * width / max(seconds, 1e-9), 3),
        "ids_per_second": round(ids / max(seconds, 1e-9), 3),
    }


def _frames(run: NDArray[np.integer]) -> Iterator[Frame]:
    return map(tuple, run.tolist())


def _words(runs: Iterable[NDArray[np.integer]], characters: dict[Frame, str]) -> Iterator[str]:
    """Runs as text, cut where a frame has no character."""
    for run in runs:
        yield from "".join(characters.get(frame, " ") for frame in _frames(run)).split(" ")


def _encoded(options: TrainUnitsOptions, codec: UnitCodec) -> list[NDArray[np.int64]]:
    """The codes (frames, codebooks) of each clip, with all codebooks; encoded once."""
    cache = options.out / "codes.npz"
    clips = read_manifest(options.data)[:: options.every]
    key = json.dumps([codec.fingerprint, [clip.name for clip in clips]])
    if cache.is_file():
        with np.load(cache) as held:
            if str(held["key"]) == key:
                return np.split(held["codes"].astype(np.int64), held["ends"][:-1])
    runs = [codec.encode(read_mono(clip.path, codec.sample_rate)[0].samples) for clip in clips]
    if not runs:
        raise OptionsError(f"{options.data}: no clips to train on")
    options.out.mkdir(parents=True, exist_ok=True)
    with atomic_write(cache) as out:
        ends = np.cumsum([len(run) for run in runs])
        np.savez_compressed(out, key=np.array(key), codes=np.concatenate(runs).astype(np.int32), ends=ends)
    return runs
