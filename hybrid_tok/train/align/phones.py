"""The recipe of the phone network: labels by forced alignment, augmented log-mel crops, frame-wise cross-entropy.

Transcribed clips are labelled by our own aligner with a network trained before (`phone_labels`), clips of noise and of
non-verbal sounds are SIL. Clips of speech without transcripts join later. They are labelled by what Whisper recognizes
in them, where the network does not think that wrong, and by the network itself where it is sure (self-training). Batch
k is a function of the seed and k alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid_tok.align.phones import PHONE_WEIGHTS, PHONES, SAMPLE_RATE, SILENCE, PhoneModel, subtract_mean
from hybrid_tok.audio import read_mono
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.arrays import save_arrays
from hybrid_tok.nn.logmel import HOP, log_mel
from hybrid_tok.train.align.phone_augment import PhoneAugmentOptions, augment, change_pace
from hybrid_tok.train.align.phone_labels import (
    NOISES,
    SENTENCES,
    UNKNOWN,
    PhoneLabeller,
    held_out,
)
from hybrid_tok.train.align.phone_network import PhoneNetworkConfig, TrainablePhoneNetwork

COMMANDS = ("speech-commands",)
UNTRANSCRIBED = ("librispeech",)


@dataclass(frozen=True, slots=True)
class TrainPhonesOptions:
    """What `hybrid-tok train phones` can be told.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for labels, spectra, the log and the exported weights.
        phones: weights of the phone network that labels the clips; the one in the package unless given.
        recognizer: the Whisper model that recognizes clips without transcripts.
        minutes, steps: the budget; the learning rate reaches zero when the first of them is spent.
        batch, frames: crops per step, and their length in 10 ms frames (even).
        learning_rate: at its highest, after `warmup` steps.
        ema: decay of the moving average of the weights that is exported.
        self_training_from: part of the budget after which clips without transcripts join; 1 leaves them out.
        sure: a self-made label counts where the model gives it at least this probability.
        recognized: a label by recognition counts in words that the aligner gives at least this confidence, and where
            the model gives it at least the probability `possible`.
        hold_out: one in so many speakers of the transcribed sentences is left out, for the confidence model to be
            fitted on; 0 leaves none out.
        silence_weight: of a SIL frame in the loss; there are many.
        shares: of crops of transcribed speech, of single commands, of noise, and of speech without transcripts.
        seed: of initialization, data order and augmentation.
    """

    data: Path
    out: Path
    phones: Path = PHONE_WEIGHTS
    recognizer: str = "base"
    minutes: float = 15.0
    steps: int = 1_000_000
    batch: int = 16
    frames: int = 400
    learning_rate: float = 2e-3
    warmup: int = 100
    ema: float = 0.998
    self_training_from: float = 0.4
    sure: float = 0.6
    recognized: float = 0.5
    possible: float = 0.03
    hold_out: int = 5
    silence_weight: float = 0.5
    shares: tuple[float, float, float, float] = (0.5, 0.1, 0.06, 0.34)
    seed: int = 0
    model: PhoneNetworkConfig = field(default_factory=PhoneNetworkConfig)
    augment: PhoneAugmentOptions = field(default_factory=PhoneAugmentOptions)

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.steps <= 0:
            raise OptionsError(f"the budget must be positive, got minutes={self.minutes}, steps={self.steps}")
        if self.frames < 50 or self.frames % 2 or self.batch < 1:
            raise OptionsError(f"crops need an even number of at least 50 frames, not {self.frames}; batch >= 1")
        if not 0.0 <= self.self_training_from <= 1.0 or not 0.0 < self.sure < 1.0:
            raise OptionsError("self_training_from must be in [0, 1] and sure in (0, 1)")


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Clips joined to one: log-mel (N, 64) in 16 bits, and labels (N,)."""

    mel: NDArray[np.float16]
    labels: NDArray[np.uint8]

    def crop(self, rng: np.random.Generator, frames: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """A random crop; a pool shorter than it is repeated."""
        start = int(rng.integers(len(self.mel)))
        rows = np.arange(start, start + frames) % len(self.mel)
        return self.mel[rows].astype(np.float32), self.labels[rows]


def train(options: TrainPhonesOptions) -> Path:
    """Train until the budget is spent; returns the exported weights, `out`/phones.safetensors (with its .json).

    Raises:
        AudioError: the data cannot be read.
    """
    torch.manual_seed(options.seed)
    pools = {name: pool for name in ("speech", "commands", "noise") if (pool := load_pool(name, options)) is not None}
    if not pools:
        raise OptionsError(f"{options.data} has no clips of {', '.join(SENTENCES + COMMANDS + NOISES)}")
    network = TrainablePhoneNetwork(options.model)
    average = TrainablePhoneNetwork(options.model)
    average.load_state_dict(network.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-9, betas=(0.9, 0.98), weight_decay=0.01)
    shares = np.array(options.shares, np.float64)
    started, step, spent, losses, joined = time.monotonic(), 0, 0.0, [], False
    options.out.mkdir(parents=True, exist_ok=True)
    log = (options.out / "log.jsonl").open("a", encoding="utf-8")
    while spent < 1.0:
        if spent >= options.self_training_from and not joined:
            joined = True
            if (untranscribed := load_pool("untranscribed", options)) is not None:
                pools["self"] = label_by_model(untranscribed, average, options.sure, options.possible)
                log.write(json.dumps({"step": step, "labelled": float((pools["self"].labels != UNKNOWN).mean())}))
                log.write("\n")
        mel, labels = _batch(pools, shares, np.random.default_rng((options.seed, step)), options)
        rate = options.learning_rate * min(1.0, (step + 1) / options.warmup) * (1.0 - spent)
        for group in optimizer.param_groups:
            group["lr"] = rate
        network.train()
        posteriors = network(torch.from_numpy(mel))
        loss = frame_loss(posteriors, torch.from_numpy(labels.astype(np.int64)), options.silence_weight)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _follow(average, network, min(options.ema, (1 + step) / (10 + step)))
        losses.append(loss.item())
        step += 1
        spent = max(step / options.steps, (time.monotonic() - started) / (60 * options.minutes))
        if step % 50 == 0:
            seconds = round(time.monotonic() - started, 1)
            log.write(json.dumps({"step": step, "seconds": seconds, "loss": round(float(np.mean(losses)), 4)}) + "\n")
            log.flush()
            losses = []
    log.close()
    weights = options.out / "phones.safetensors"
    export(average, pools, weights)
    return weights


def frame_loss(posteriors: torch.Tensor, labels: torch.Tensor, silence_weight: float) -> torch.Tensor:
    """Mean cross-entropy over known frames, log posteriors (B, T, P) against labels (B, T)."""
    weights = torch.where(labels == SILENCE, silence_weight, 1.0) * (labels != UNKNOWN)
    chosen = posteriors.gather(-1, labels.clamp(max=len(PHONES) - 1)[..., None])[..., 0]
    return -(chosen * weights).sum() / weights.sum().clamp(min=1.0)


def _follow(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    with torch.no_grad():
        own = average.state_dict()
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                own[name].lerp_(tensor, 1.0 - decay)


def _batch(
    pools: dict[str, Pool], shares: NDArray[np.float64], rng: np.random.Generator, options: TrainPhonesOptions
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Log-mel (B, frames, 64) and labels (B, frames)."""
    names = [name for name in ("speech", "commands", "noise", "self") if name in pools]
    weights = np.array([shares[("speech", "commands", "noise", "self").index(name)] for name in names])
    mels, labels = [], []
    for _ in range(options.batch):
        pool = pools[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
        pace = float(np.exp(rng.uniform(-1, 1) * np.log1p(options.augment.pace)))
        mel, label = pool.crop(rng, int(options.frames * pace) + 2)
        mel, label = change_pace(mel, label, options.frames, pace)
        noise, _ = pools["noise"].crop(rng, options.frames) if "noise" in pools else (mel, label)
        mels.append(subtract_mean(augment(mel, noise, rng, options.augment)))
        labels.append(label)
    return np.stack(mels), np.stack(labels)


def load_pool(name: str, options: TrainPhonesOptions) -> Pool | None:
    """Spectra and labels of a kind of clip, from the cache in `out` where they are; None where there are no such clips.

    speech and commands are labelled by alignment, noise is SIL, and untranscribed is labelled by recognition.
    """
    cache = options.out / f"{name}.npz"
    if not cache.exists():
        made = list(_label(name, options))
        if not made:
            return None
        options.out.mkdir(parents=True, exist_ok=True)
        partial = cache.with_name(f"{name}.part.npz")
        np.savez(partial, mel=np.concatenate([m for m, _ in made]), labels=np.concatenate([x for _, x in made]))
        partial.replace(cache)
    with np.load(cache, allow_pickle=False) as arrays:
        return Pool(arrays["mel"], arrays["labels"])


def _label(name: str, options: TrainPhonesOptions) -> Iterator[tuple[NDArray[np.float16], NDArray[np.uint8]]]:
    """Log-mel (T, 64) and labels (T,) of the clips of a pool."""
    sources = {"speech": SENTENCES, "commands": COMMANDS, "noise": NOISES, "untranscribed": UNTRANSCRIBED}[name]
    clips = [clip for clip in read_manifest(options.data) if clip.source in sources]
    apart = held_out(clips, options.hold_out) if name == "speech" else []
    labeller = PhoneLabeller(options.phones)
    recognize = _recognizer(options.recognizer) if name == "untranscribed" else None
    for clip in clips:
        if str(clip.speaker) in apart or (name in ("speech", "commands")) != bool(clip.text):
            continue
        audio, _ = read_mono(clip.path, SAMPLE_RATE)
        samples = audio.samples
        if name == "noise":
            labels = np.full(-(-len(samples) // HOP), SILENCE, np.uint8)
        elif recognize is not None:
            labels = labeller.labels(samples, recognize(audio), options.recognized)
        else:
            labels = labeller.labels(samples, clip.text or "", 0.0)
        if labels is not None:
            yield log_mel(samples).astype(np.float16), labels


def _recognizer(model: str) -> Callable[[Audio], str]:
    """What Whisper hears in English speech."""
    from hybrid_tok.backends.silero import SileroDetector
    from hybrid_tok.backends.whisper import WhisperRecognizer

    detector, recognizer = SileroDetector(), WhisperRecognizer(model, "en")
    return lambda audio: " ".join(word.text for word in recognizer.hear(audio, detector.detect(audio)))


@torch.no_grad()
def label_by_model(pool: Pool, network: TrainablePhoneNetwork, sure: float, possible: float) -> Pool:
    """The pool with its labels where the model finds them `possible`, its own where it is `sure`, else UNKNOWN."""
    network.eval()
    labels = np.full(len(pool.mel), UNKNOWN, np.uint8)
    for first in range(0, len(pool.mel), 2_000):
        mel = subtract_mean(pool.mel[first : first + 2_000].astype(np.float32))
        given = pool.labels[first : first + 2_000]
        odd = len(mel) % 2
        mel = np.pad(mel, ((0, odd), (0, 0)), mode="edge")
        probability = network(torch.from_numpy(mel)[None])[0].exp().numpy()[: len(given)]
        own = np.where(probability.max(1) >= sure, probability.argmax(1), UNKNOWN)
        column = np.minimum(given, len(PHONES) - 1).astype(np.int64)
        agreed = (given != UNKNOWN) & (probability[np.arange(len(given)), column] >= possible)
        labels[first : first + 2_000] = np.where(agreed, given, own)
    return Pool(pool.mel, labels)


def export(network: TrainablePhoneNetwork, pools: dict[str, Pool], weights: Path) -> None:
    """Write the folded network and its description: dilations, and of each phone the logarithm of its share of frames
    and its mean length in frames."""
    counts, runs = np.ones(len(PHONES)), np.full(len(PHONES), 0.1)
    for name in ("speech", "commands"):
        if name in pools:
            labels = pools[name].labels
            begins = np.diff(labels.astype(np.int64), prepend=-1) != 0
            counts += np.bincount(labels[labels < len(PHONES)], minlength=len(PHONES))
            runs += np.bincount(labels[begins & (labels < len(PHONES))], minlength=len(PHONES))
    about = {
        "name": "hybrid-tok-phones-16k",
        "dilations": list(network.config.dilations),
        "config": asdict(network.config),
        "log_priors": [round(float(value), 4) for value in np.log(counts / counts.sum())],
        "mean_frames": [round(float(value), 2) for value in counts / runs],
    }
    save_arrays(weights, network.folded(), about)
    PhoneModel(weights)
