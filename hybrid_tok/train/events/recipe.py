"""The recipe of the event tagger: render scenes once, train on their features, calibrate on held-out voices, export.

Scenes are rendered to features before training, in a file: simulation costs more than a training step. Level, spectral
tilt and masked bands and times (SpecAugment, Park et al. 2019) are drawn again each time a scene is used. The
temperature that divides the logits (Guo et al. 2017) is fitted on scenes of held-out speakers and clips.
Networks of several trainings are averaged, each with its own temperature.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.arrays import save_weights, write_description
from hybrid_tok.tagger.features import AUXILIARY, MELS, EventFeatures
from hybrid_tok.tagger.network import EventConfig, EventIdentity, EventModel, EventNetwork
from hybrid_tok.train.events.material import NONE, UNSURE, Material, load_material
from hybrid_tok.train.events.scenes import Composer, SceneOptions

NAME = "hybrid-tok-events-16k"
LEARNING_RATE = 3e-3
"""The highest."""
EVENT_WEIGHT = 2.5
"""Of frames with an event against those without, which are four times as many."""
SMOOTHING = 0.05
"""Of the labels."""


@dataclass(frozen=True, slots=True)
class TrainEventsOptions:
    """Options of `hybrid-tok train events`.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for the decoded clips, the rendered scenes, the log and the exported weights.
        scenes, held_out_scenes: how many are rendered.
        steps: of training; the learning rate falls to zero with them.
        batch: scenes per step.
        ema: decay of the moving average of the weights, which is what is exported.
        beside: weights of other trainings (`events.safetensors`), whose networks are exported before this one. Beside
            speech, only the first of all is listened to.
        seed: of scenes, initialization, order and augmentation.
    """

    data: Path
    out: Path
    scenes: int = 4000
    held_out_scenes: int = 200
    steps: int = 1300
    batch: int = 16
    ema: float = 0.99
    beside: tuple[Path, ...] = ()
    seed: int = 1
    scene: SceneOptions = field(default_factory=SceneOptions)
    model: EventConfig = field(default_factory=EventConfig)

    def __post_init__(self) -> None:
        if min(self.scenes, self.held_out_scenes, self.steps, self.batch) < 1:
            raise OptionsError("scenes, held_out_scenes, steps and batch must be at least 1")
        if self.scenes < self.batch:
            raise OptionsError(f"a batch of {self.batch} needs at least as many scenes, not {self.scenes}")


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """Features and labels of scenes: log-mel (S, 64, 2 T) and auxiliary (S, T, 6) float16, events (S, T), background
    (S, T, 4) uint8."""

    log_mel: NDArray[np.float16]
    auxiliary: NDArray[np.float16]
    events: NDArray[np.uint8]
    background: NDArray[np.uint8]


def train(options: TrainEventsOptions) -> Path:
    """Render (unless `out` has the scenes already), train, calibrate, export.

    Returns:
        The exported weights, `out`/events.safetensors, with their description beside them. `out`/log.jsonl has the
        losses.

    Raises:
        AudioError: the data cannot be read.
        WeightsError: other trainings' weights are missing or damaged.
    """
    torch.set_num_threads(1)
    sides = load_material(options.data, options.out / "cache")
    scenes = render(sides[0], options.scene, options.scenes, options.seed, options.out / "scenes")
    held_out = render(sides[1], options.scene, options.held_out_scenes, options.seed + 1000, options.out / "held_out")
    network = fit(scenes, options)
    members: list[tuple[EventNetwork, float]] = []
    for weights in options.beside:
        model = EventModel(weights)
        members += zip(cast(Iterable[EventNetwork], model.networks), model.identity.temperatures, strict=True)
    members.append((network, temperature_of(network, held_out)))
    return export(members, options.out / "events.safetensors")


def render(material: Material, scene: SceneOptions, count: int, seed: int, folder: Path) -> Rendered:
    """`count` scenes as features, from files in `folder` where they are there already. Scene k depends on the seed and
    k alone."""
    shapes = {
        "log_mel": ((count, MELS, 2 * scene.frames), np.float16),
        "auxiliary": ((count, scene.frames, AUXILIARY), np.float16),
        "events": ((count, scene.frames), np.uint8),
        "background": ((count, scene.frames, 4), np.uint8),
    }
    recipe = json.dumps({"count": count, "seed": seed, **asdict(scene)})
    done = folder / "scenes.json"
    if not (done.exists() and done.read_text("utf-8") == recipe):
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)
            for name, (shape, dtype) in shapes.items()
        }
        composer, features = Composer(material, scene), EventFeatures()
        for k in track(range(count), f"rendering {folder.name}", console=Console(stderr=True)):
            drawn = composer.draw(np.random.default_rng([seed, k]))
            log_mel, auxiliary = features(torch.from_numpy(drawn.samples)[None])
            arrays["log_mel"][k], arrays["auxiliary"][k] = log_mel[0, 0].numpy(), auxiliary[0].numpy()
            arrays["events"][k], arrays["background"][k] = drawn.events, drawn.background
        for array in arrays.values():
            array.flush()
        done.write_text(recipe, "utf-8")
    return Rendered(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in shapes})


def fit(scenes: Rendered, options: TrainEventsOptions) -> EventNetwork:
    """Train a network on rendered scenes; returns the moving average of its weights."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network = EventNetwork(options.model)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(options.ema)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    warmup = min(50, options.steps // 4 + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / warmup) * max(0.0, 1 - step / options.steps)
    )
    options.out.mkdir(parents=True, exist_ok=True)
    order = np.empty(0, np.int64)
    started, sums = time.monotonic(), []
    with (options.out / "log.jsonl").open("a", encoding="utf-8") as log:
        for step in track(range(options.steps), "training", console=Console(stderr=True)):
            if len(order) < options.batch:
                order = rng.permutation(len(scenes.events))
            chosen, order = np.sort(order[: options.batch]), order[options.batch :]
            log_mel, *rest = _batch(scenes, chosen)
            loss = objective(network, (augmented(log_mel, rng), *rest))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            sums.append(float(loss.detach()))
            if len(sums) == 50 or step == options.steps - 1:
                line = {"step": step + 1, "minutes": round((time.monotonic() - started) / 60, 2)}
                log.write(json.dumps(line | {"loss": round(float(np.mean(sums)), 4)}) + "\n")
                log.flush()
                sums = []
    trained = EventNetwork(options.model)
    trained.load_state_dict(average.module.state_dict())
    return trained.eval()


def _batch(scenes: Rendered, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    arrays = (scenes.log_mel, scenes.auxiliary, scenes.events, scenes.background)
    log_mel, auxiliary, events, background = (torch.from_numpy(np.array(array[chosen])) for array in arrays)
    return log_mel.float()[:, None], auxiliary.float(), events.long(), background.float()


def augmented(log_mel: Tensor, rng: np.random.Generator) -> Tensor:
    """Changed level, microphone and pitch, masked bands and times. One unit is 30 dB; digital silence stays."""
    out = torch.empty_like(log_mel)
    bands = np.linspace(-1, 1, MELS)
    for k in range(len(log_mel)):
        gain = rng.uniform(-0.5, 0.35)
        response = (
            gain + rng.normal(0, 0.12) * bands + rng.normal(0, 0.08) * np.cos(np.pi * bands * rng.uniform(0.5, 3))
        )
        shift = int(rng.integers(-2, 3))
        moved = torch.roll(log_mel[k], shift, dims=1)
        shifted = moved + torch.from_numpy(response).float()[None, :, None]
        out[k] = torch.where(moved > 0, shifted.clamp(min=0), moved)
        if rng.random() < 0.5:
            first = int(rng.integers(0, MELS - 10))
            out[k, :, first : first + int(rng.integers(1, 11))] = 0
        if rng.random() < 0.4:
            first = int(rng.integers(0, log_mel.shape[-1] - 20))
            out[k, :, :, first : first + int(rng.integers(2, 20))] = 0
    return out


def objective(network: EventNetwork, batch: Sequence[Tensor]) -> Tensor:
    """Cross entropy over events and none, plus that of each background kind, over the frames with certain labels."""
    log_mel, auxiliary, events, background = batch
    logits, kinds = network(log_mel, auxiliary)
    weight = torch.where(events == NONE, 1.0, EVENT_WEIGHT) * (events != UNSURE)
    targets = torch.where(events == UNSURE, NONE, events)
    losses = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), targets, reduction="none", label_smoothing=SMOOTHING
    )
    known = background <= 1
    kind_losses = torch.nn.functional.binary_cross_entropy_with_logits(kinds, background.clamp(max=1), reduction="none")
    return (losses * weight).sum() / weight.sum() + 0.5 * (kind_losses * known).sum() / known.sum()


@torch.inference_mode()
def temperature_of(network: EventNetwork, scenes: Rendered) -> float:
    """The divisor of the logits that maximizes the likelihood of certain held-out labels."""
    logits, labels = [], []
    for start in range(0, len(scenes.events), 16):
        log_mel, auxiliary, events, _ = _batch(scenes, np.arange(start, min(start + 16, len(scenes.events))))
        logits.append(network(log_mel, auxiliary)[0][events != UNSURE])
        labels.append(events[events != UNSURE])
    sure, truth = torch.cat(logits), torch.cat(labels)
    candidates = np.geomspace(0.4, 4.0, 47)
    losses = [float(torch.nn.functional.cross_entropy(sure / t, truth)) for t in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 3)


def export(members: Sequence[tuple[EventNetwork, float]], weights: Path) -> Path:
    """Write networks of one architecture with their temperatures: the weights and their description. Beside speech,
    only the first is listened to: what makes others hear noises as noises costs onsets in conversations.

    Raises:
        OptionsError: the architectures differ.
    """
    networks, temperatures = [network for network, _ in members], [temperature for _, temperature in members]
    architecture = asdict(networks[0].config)
    if any(asdict(network.config) != architecture for network in networks):
        raise OptionsError("networks that are averaged must have one architecture: train them with the same options")
    sha256 = save_weights(weights, nn.ModuleList(networks))
    beside_speech = [1.0, *(0.0 for _ in networks[1:])]
    numbers = f"{temperatures}:{beside_speech}"
    content = f"{sha256}:{numbers}:{json.dumps(architecture, sort_keys=True)}:{','.join(EVENT_LABELS)}"
    identity = EventIdentity(
        name=NAME,
        fingerprint=hashlib.sha256(content.encode()).hexdigest()[:16],
        sha256=sha256,
        temperatures=temperatures,
        beside_speech=beside_speech,
        architecture=architecture,
    )
    write_description(weights, asdict(identity))
    return weights
