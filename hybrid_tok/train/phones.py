"""The recipe of the phone model: labels by forced alignment, augmented log-mel crops, frame-wise cross-entropy.

Transcribed clips are labelled by pocketsphinx (`phone_labels`), clips of noise and of non-verbal sounds are SIL. Clips
of speech without transcripts join later: the model labels them itself, and only the frames of which it is sure count
(self-training). Batch k is a function of the seed and k alone.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid_tok.errors import OptionsError
from hybrid_tok.models.arrays import save_arrays
from hybrid_tok.models.logmel import log_mel
from hybrid_tok.models.phones import PHONES, SILENCE, PhoneModel
from hybrid_tok.train.phone_augment import PhoneAugmentOptions, augment, change_pace
from hybrid_tok.train.phone_labels import UNKNOWN, PhoneAligner, read_clips, read_samples
from hybrid_tok.train.phone_network import PhoneNetworkConfig, TrainablePhoneNetwork

TRANSCRIBED = ("speechocean762", "speech-commands")
UNTRANSCRIBED = ("librispeech",)
NOISES = ("esc10", "covid19-cough", "speech-commands")


@dataclass(frozen=True, slots=True)
class TrainPhonesOptions:
    """What `hybrid-tok train phones` can be told.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for labels, spectra, the log and the exported weights.
        minutes, steps: the budget; the learning rate reaches zero when the first of them is spent.
        batch, frames: crops per step, and their length in 10 ms frames (even).
        learning_rate: at its highest, after `warmup` steps.
        ema: decay of the moving average of the weights that is exported.
        self_training_from: part of the budget after which clips without transcripts join; 1 leaves them out.
        sure: a self-made label counts where the model gives it at least this probability.
        silence_weight: of a SIL frame in the loss; there are many.
        shares: of crops of transcribed speech, of single commands, of noise, and of speech without transcripts.
        seed: of initialization, data order and augmentation.
    """

    data: Path
    out: Path
    minutes: float = 15.0
    steps: int = 1_000_000
    batch: int = 16
    frames: int = 400
    learning_rate: float = 2e-3
    warmup: int = 100
    ema: float = 0.998
    self_training_from: float = 0.5
    sure: float = 0.6
    silence_weight: float = 0.5
    shares: tuple[float, float, float, float] = (0.62, 0.12, 0.08, 0.18)
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
    pools = load_pools(options)
    network = TrainablePhoneNetwork(options.model)
    average = TrainablePhoneNetwork(options.model)
    average.load_state_dict(network.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-9, betas=(0.9, 0.98), weight_decay=0.01)
    shares = np.array(options.shares, np.float64)
    started, step, spent, losses = time.monotonic(), 0, 0.0, []
    log = (options.out / "log.jsonl").open("a", encoding="utf-8")
    while spent < 1.0:
        if spent >= options.self_training_from and "self" not in pools and "untranscribed" in pools:
            pools["self"] = label_by_model(pools["untranscribed"], average, options.sure)
            log.write(json.dumps({"step": step, "self_labelled": float((pools["self"].labels != UNKNOWN).mean())}))
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
        mels.append(augment(mel, noise, rng, options.augment))
        labels.append(label)
    return np.stack(mels), np.stack(labels)


def load_pools(options: TrainPhonesOptions) -> dict[str, Pool]:
    """Spectra and labels by kind of clip, from the cache in `out` where they are; see `_make_pools`."""
    cache = options.out / "pools.npz"
    if not cache.exists():
        options.out.mkdir(parents=True, exist_ok=True)
        made = _make_pools(options)
        partial = cache.with_name("partial.npz")
        np.savez(partial, **{f"{n}.{k}": getattr(p, k) for n, p in made.items() for k in ("mel", "labels")})
        partial.replace(cache)
    with np.load(cache, allow_pickle=False) as arrays:
        names = sorted({key.split(".")[0] for key in arrays})
        return {name: Pool(arrays[f"{name}.mel"], arrays[f"{name}.labels"]) for name in names}


def _make_pools(options: TrainPhonesOptions) -> dict[str, Pool]:
    """speech and commands by alignment, noise as SIL, untranscribed without labels."""
    aligner = PhoneAligner()
    parts: dict[str, list[tuple[NDArray[np.float16], NDArray[np.uint8]]]] = {}
    for clip in read_clips(options.data, tuple({*TRANSCRIBED, *UNTRANSCRIBED, *NOISES})):
        source, text = clip["source"], clip.get("text")
        samples = read_samples(clip["audio"])
        frames = -(-len(samples) // 160)
        if source in TRANSCRIBED and text:
            name, labels = "commands" if source == "speech-commands" else "speech", aligner.labels(samples, text)
        elif source in UNTRANSCRIBED:
            name, labels = "untranscribed", np.full(frames, UNKNOWN, np.uint8)
        elif source in NOISES:
            name, labels = "noise", np.full(frames, SILENCE, np.uint8)
        else:
            continue
        if labels is not None:
            parts.setdefault(name, []).append((log_mel(samples).astype(np.float16), labels))
    return {
        name: Pool(np.concatenate([mel for mel, _ in clips]), np.concatenate([labels for _, labels in clips]))
        for name, clips in parts.items()
    }


@torch.no_grad()
def label_by_model(pool: Pool, network: TrainablePhoneNetwork, sure: float) -> Pool:
    """The pool with the model's own labels where it is `sure`, UNKNOWN elsewhere."""
    network.eval()
    labels = np.full(len(pool.mel), UNKNOWN, np.uint8)
    for first in range(0, len(pool.mel), 2_000):
        mel = pool.mel[first : first + 2_000].astype(np.float32)
        odd = len(mel) % 2
        mel = np.pad(mel, ((0, odd), (0, 0)), mode="edge")
        best, which = network(torch.from_numpy(mel)[None])[0].exp().max(-1)
        known = np.where(best.numpy() >= sure, which.numpy(), UNKNOWN)
        labels[first : first + 2_000] = known[: len(known) - odd]
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
