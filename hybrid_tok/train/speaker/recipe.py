"""The recipe of the speaker network: scenes, losses, schedule, verification of held-out speakers, export.

Scenes come in pairs with the same talkers and different channels. There are three losses: on embeddings pooled where
a talker talks alone, additive angular margin softmax over the training speakers (ArcFace; Deng et al., 2019) and the
angular prototypical loss between the two scenes of a pair, against all other talkers of the batch (Chung et al., 2020);
and cross-entropy over the activity of frames.
Batch k depends only on the seed and k.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hybrid_tok.diarizer.network import STRIDE, SpeakerConfig, SpeakerNetwork
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.arrays import Identity, save_weights, write_description
from hybrid_tok.train.speaker.crops import CropMaker, Crops
from hybrid_tok.train.speaker.data import Clip, Material, load_material
from hybrid_tok.train.speaker.scenes import IGNORED, TALKERS, Scene, SceneMaker

NAME = "hybrid-tok-speaker-16k"
LOG_STEPS = 50
LEARNING_RATE, WARMUP = 3e-3, 100
"""The highest learning rate, and steps until it is reached."""
MARGIN, SCALE = 0.2, 20.0
"""Of the softmax over speakers, in radians and as a factor. The margin grows from zero, at a quarter of the budget, to
this at half: with the whole margin from the start, nothing is learned for a long time."""
PROTOTYPE_WEIGHT, ACTIVITY_WEIGHT = 3.0, 2.0
"""Weights of the other two losses, relative to the softmax over speakers."""
EMA = 0.995
"""Decay of the moving average of the weights, which is what is exported."""


@dataclass(frozen=True, slots=True)
class TrainSpeakerOptions:
    """Options of `hybrid-tok train speaker`.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for the spectra, the log and the exported weights.
        minutes, steps: the budget; the learning rate reaches zero when the first of them is spent.
        batch: scenes per step of scenes, an even number.
        scene_every: one in so many steps trains on scenes, the others on crops.
        hold_out: speakers of LibriSpeech and of speechocean762 each that are used for verification, not for training.
        seed: of initialization and of the scenes.
    """

    data: Path
    out: Path
    minutes: float = 60.0
    steps: int = 1_000_000
    batch: int = 32
    scene_every: int = 5
    hold_out: int = 10
    seed: int = 0
    model: SpeakerConfig = field(default_factory=SpeakerConfig)

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.steps <= 0:
            raise OptionsError(f"the budget must be positive, got minutes={self.minutes}, steps={self.steps}")
        if self.batch < 4 or self.batch % 2:
            raise OptionsError(f"batch={self.batch} scenes come in pairs: give an even number, 4 or more")


class MarginSoftmax(nn.Module):
    """Cosine similarities to a centre per speaker, with an angular margin for the right one. Also matches pairs."""

    def __init__(self, embedding: int, speakers: int, scale: float) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(speakers, embedding) / math.sqrt(embedding))
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self._scale = scale

    def match(self, voices: Tensor, others: Tensor) -> Tensor:
        """Mean loss of matching each talker's two embeddings, (n, embedding) both, among all n, in both directions."""
        likeness = self.sharpness.clamp_min(1.0) * voices @ others.T
        right = torch.arange(len(voices))
        return (functional.cross_entropy(likeness, right) + functional.cross_entropy(likeness.T, right)) / 2

    def forward(self, embeddings: Tensor, speakers: Tensor, margin: float) -> Tensor:
        """Mean loss of unit-length embeddings (n, embedding) with speakers (n,)."""
        cosine = embeddings @ functional.normalize(self.centres, dim=1).T
        right = cosine.gather(1, speakers[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        wanted = torch.cos(torch.acos(right) + margin)
        return functional.cross_entropy(self._scale * cosine.scatter(1, speakers[:, None], wanted), speakers)


def train(options: TrainSpeakerOptions) -> Path:
    """Train until the budget is spent.

    Returns:
        The exported weights, `out`/speaker.safetensors, with their description beside them; `out`/log.jsonl has the
        losses and the verification of held-out speakers over time.

    Raises:
        AudioError: the data cannot be read, or names no speakers.
    """
    material = load_material(options.data, options.out / "cache", options.hold_out)
    torch.manual_seed(options.seed)
    network = SpeakerNetwork(options.model)
    classifier = MarginSoftmax(options.model.embedding, material.num_speakers, SCALE)
    parameters = [*network.parameters(), *classifier.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.02)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(EMA), use_buffers=True)
    averaged = cast(SpeakerNetwork, average.module)
    scene_maker, crop_maker = SceneMaker(material), CropMaker(material)
    log = options.out / "log.jsonl"
    log.unlink(missing_ok=True)
    started, step = time.monotonic(), 0
    sums: dict[str, list[float]] = {}
    network.train()
    while (spent := max(step / options.steps, (time.monotonic() - started) / 60 / options.minutes)) < 1:
        warm = min(1.0, (step + 1) / WARMUP)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * warm * 0.5 * (1 + math.cos(math.pi * spent))
        rng = np.random.default_rng((options.seed, step))
        margin = MARGIN * min(1.0, max(0.0, 4 * spent - 1))
        if step % options.scene_every == 0:
            scenes = [scene for _ in range(options.batch // 2) for scene in scene_maker.draw_pair(rng)]
            terms = _scene_losses(network, classifier, scenes, margin)
        else:
            terms = _crop_losses(network, classifier, crop_maker.draw(rng), margin)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        for name, value in terms.items():
            sums.setdefault(name, []).append(value.item())
        if step % LOG_STEPS == 0:
            losses = {name: round(float(np.mean(values)), 4) for name, values in sums.items()}
            rate = equal_error_rate(averaged, material, seed=0) if step % (4 * LOG_STEPS) == 0 else {}
            line = {"step": step, "minutes": round((time.monotonic() - started) / 60, 2)} | losses | rate
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            sums = {}
            _export(averaged, options.out / "speaker.safetensors")
    return _export(averaged, options.out / "speaker.safetensors")


def _export(network: SpeakerNetwork, weights: Path) -> Path:
    """Write the network's weights and their description."""
    sha256, architecture = save_weights(weights, network), asdict(network.config)
    described = f"{sha256}:{json.dumps(architecture, sort_keys=True)}"
    fingerprint = hashlib.sha256(described.encode()).hexdigest()[:16]
    identity = Identity(name=NAME, fingerprint=fingerprint, sha256=sha256, architecture=architecture)
    write_description(weights, asdict(identity))
    return weights


def _crop_losses(network: SpeakerNetwork, classifier: MarginSoftmax, crops: Crops, margin: float) -> dict[str, Tensor]:
    """The losses of a batch of crops, which come in pairs of one speaker."""
    hidden, attention, _ = network(torch.from_numpy(crops.mel))
    unit = functional.normalize(network.pool(hidden, attention, torch.from_numpy(crops.masks)), dim=1)
    return {
        "speaker": classifier(unit, torch.from_numpy(crops.speakers), margin),
        "prototype": PROTOTYPE_WEIGHT * classifier.match(unit[0::2], unit[1::2]),
    }


def _scene_losses(
    network: SpeakerNetwork, classifier: MarginSoftmax, scenes: list[Scene], margin: float
) -> dict[str, Tensor]:
    """The losses of a batch of scenes: the activity of frames, and the speakers where one talks alone."""
    mel = torch.from_numpy(np.stack([scene.mel for scene in scenes]))
    activity = torch.from_numpy(np.stack([scene.activity for scene in scenes]))
    masks = torch.from_numpy(np.concatenate([scene.masks for scene in scenes]))
    speakers = torch.from_numpy(np.concatenate([scene.speakers for scene in scenes]))
    hidden, attention, logits = network(mel)
    known = torch.nonzero(speakers != IGNORED)[:, 0]
    scene = known // TALKERS
    unit = functional.normalize(network.pool(hidden[scene], attention[scene], masks[known]), dim=1)
    row = torch.full((len(speakers),), -1)
    row[known] = torch.arange(len(known))
    # Talker k of scene 2p is talker k of scene 2p + 1.
    first, second = row.reshape(-1, 2, TALKERS).transpose(0, 1).flatten(1)
    both = (first >= 0) & (second >= 0)
    return {
        "scene_speaker": classifier(unit, speakers[known], margin),
        "scene_prototype": PROTOTYPE_WEIGHT * classifier.match(unit[first[both]], unit[second[both]]),
        "activity": ACTIVITY_WEIGHT * functional.cross_entropy(logits.transpose(1, 2), activity),
    }


@torch.inference_mode()
def equal_error_rate(network: SpeakerNetwork, material: Material, seed: int, seconds: float = 1.5) -> dict[str, float]:
    """Speaker verification on pairs of windows of held-out speakers.

    Returns:
        "eer": over pairs of windows within a source, which is the harder comparison; empty without held-out speakers.
    """
    if len(material.held_out) < 2:
        return {}
    training = network.training
    network.eval()
    rng = np.random.default_rng(seed)
    length = int(seconds * 100) // STRIDE * STRIDE
    windows = [_window(rng, material, clips, length) for clips in material.held_out for _ in range(8)]
    owner = np.repeat(np.arange(len(material.held_out)), 8)
    group = np.repeat([len(clips) > 1 for clips in material.held_out], 8)
    hidden, attention, _ = network(torch.from_numpy(np.stack(windows)))
    embeddings = functional.normalize(network.pool(hidden, attention, torch.ones(hidden.shape[:2])), dim=1).numpy()
    network.train(training)
    pairs = np.triu(group[:, None] == group, 1)
    return {"eer": round(crossing((embeddings @ embeddings.T)[pairs], (owner[:, None] == owner)[pairs]), 4)}


def _window(rng: np.random.Generator, material: Material, clips: list[Clip], length: int) -> NDArray[np.float32]:
    clip = clips[int(rng.integers(len(clips)))]
    places = np.flatnonzero(material.talking[clip.start : clip.end])
    start = clip.start + int(places[int(rng.integers(max(1, len(places) - length)))])
    part = material.spectra[start : min(start + length, clip.end)].astype(np.float32)
    return np.resize(part, (length, part.shape[1]))


def crossing(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> float:
    """Equal error rate of scores that should be high where `same` is true."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(same[order]) / max(1, same.sum())
    false = np.cumsum(~same[order]) / max(1, (~same).sum())
    at = int(np.argmin(np.abs(1 - hits - false)))
    return float((1 - hits[at] + false[at]) / 2)
