"""One training step of the unit codec, its state, and checkpoints of it.

Checkpoints are safetensors: parameters, their moving average, Adam's moments; no pickle.
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

from hybrid_tok.codec.network import PITCH_WINDOW, SUBHOP, Codec, CodecConfig
from hybrid_tok.core.model_sources import find_model
from hybrid_tok.errors import OptionsError, WeightsError
from hybrid_tok.train.codec.hearing import HearingLoss
from hybrid_tok.train.codec.losses import ReconstructionLoss, pitch_loss

LEARNING_RATE, WARMUP = 1e-3, 200
"""The highest learning rate, and steps until it is reached."""
EMA = 0.99
"""Decay of the moving average of the weights, which is what is evaluated and exported."""


@dataclass(frozen=True, slots=True)
class TrainCodecOptions:
    """Options of `hybrid-tok train codec`.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for the decoded clips, checkpoints, the log and the exported weights.
        dev: folder of development clips, laid out like `data`; None trains without evaluation. With it, the checkpoint
            that scores best is the one exported.
        minutes, steps: the budget; the learning rate reaches zero when the first of them is spent.
        slice_minutes: this call stops after so many of them, with a checkpoint; the next one goes on. None trains to
            the end of the budget.
        batch: segments per step.
        frames: length of a segment in 20 ms frames.
        prefix_shares: how often a segment keeps 1, 2, .. all codebooks (quantizer dropout).
        hearing: weight of the loss in the layers of Whisper tiny.en (`HearingLoss`); 0 leaves it out.
        hearing_share: of the segments of each step that it listens to; it takes as long as all the rest.
        seed: of initialization, data order and augmentation.
        device: "cpu" or "cuda".
        autocast: bfloat16 where the device is fast at it (it is not on CPUs without AVX512-BF16 or AMX).
        workers: processes that share each batch, one thread each, on the CPU: threads that synchronize at every
            operation are slower than processes that synchronize once a step.
    """

    data: Path
    out: Path
    dev: Path | None = None
    minutes: float = 60.0
    steps: int = 1_000_000
    slice_minutes: float | None = None
    batch: int = 8
    frames: int = 60
    prefix_shares: tuple[float, ...] = (0.4, 0.4, 0.05, 0.15)
    hearing: float = 3.0
    hearing_share: float = 0.5
    seed: int = 0
    device: str = "cpu"
    autocast: bool = False
    workers: int = 1
    model: CodecConfig = field(default_factory=CodecConfig)

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.steps <= 0:
            raise OptionsError(f"the budget must be positive, got minutes={self.minutes}, steps={self.steps}")
        if self.slice_minutes is not None and self.slice_minutes <= 0:
            raise OptionsError(f"slice_minutes must be positive, got {self.slice_minutes}")
        if self.frames < 30:
            raise OptionsError(
                f"frames={self.frames} is shorter than the 0.4 s envelopes of the losses: use 30 or more"
            )
        if self.workers < 1 or self.batch % self.workers:
            raise OptionsError(f"batch={self.batch} cannot be shared by workers={self.workers}")
        if len(self.prefix_shares) != self.model.num_codebooks:
            raise OptionsError(
                f"prefix_shares has {len(self.prefix_shares)} shares for {self.model.num_codebooks} codebooks"
            )


class CodecTrainer:
    """The state that a training step changes."""

    def __init__(self, options: TrainCodecOptions) -> None:
        torch.manual_seed(options.seed)
        if options.workers > 1:
            torch.set_num_threads(1)
        self.options = options
        self.model = Codec(options.model).to(options.device)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.losses = ReconstructionLoss().to(options.device)
        self.hearing = None
        if options.hearing > 0:
            self.hearing = HearingLoss(find_model("tiny.en") / "model.bin").to(options.device)
        # Weight decay on matrices only.
        groups = [
            {"params": [p for p in self.model.parameters() if (p.ndim > 1) == decays], "weight_decay": 0.01 * decays}
            for decays in (True, False)
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.85, 0.985))
        self.best_quality = 0.0
        self.step = 0
        self.clock = 0.0
        """Seconds of training, by this process's clock."""
        self.seconds = 0.0
        """Seconds of training that all workers agreed on at the last step; the schedule follows these."""

    @property
    def spent(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return min(1.0, max(self.seconds / 60 / self.options.minutes, self.step / self.options.steps))

    def train_step(self, segments: Tensor, kept: Tensor) -> dict[str, float]:
        """One step of the optimizer; returns the terms of the loss."""
        options = self.options
        rate = min(1.0, (self.step + 1) / WARMUP) * (1 - self.spent)
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        segments, kept = segments.to(options.device), kept.to(options.device)
        with torch.autocast(options.device, torch.bfloat16, enabled=options.autocast):
            output, pitch, auxiliary = self.model(segments, kept)
        output = output.float()
        terms = {
            **self.losses(output, segments, self.step),
            "pitch": pitch_loss(pitch, self._true_pitch(segments)),
            "quantizer": auxiliary,
        }
        if self.hearing is not None:
            # Segments are in random order: the first ones are as good as any.
            heard = max(1, round(len(segments) * options.hearing_share))
            terms["hearing"] = options.hearing * self.hearing(output[:heard], segments[:heard])
        loss = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._share_gradients()
        norm = clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        self._update_average()
        return {name: float(value.detach()) for name, value in terms.items()} | {"norm": float(norm)}

    def _true_pitch(self, segments: Tensor) -> Tensor:
        """Pitch (B, 2T) of the 10 ms pieces that the decoder outputs."""
        margin = (PITCH_WINDOW - SUBHOP) // 2
        return self.model.encoder.pitch(F.pad(segments, (margin, margin)), SUBHOP)

    def _share_gradients(self) -> None:
        """Average the gradients over the workers, and set all clocks to the first one's."""
        if self.options.workers == 1:
            self.seconds = self.clock
            return
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        clock = torch.tensor([self.clock if dist.get_rank() == 0 else 0.0])
        flat = torch.cat([t.reshape(-1) for t in [clock, *gradients]])
        dist.all_reduce(flat)
        self.seconds = float(flat[0])
        shares = flat[1:].div_(self.options.workers).split([g.numel() for g in gradients])
        for gradient, share in zip(gradients, shares, strict=True):
            gradient.copy_(share.view_as(gradient))
        if self.step % 20 == 0:
            for buffer in self.model.buffers():
                if buffer.dtype == torch.float32:
                    dist.all_reduce(buffer)
                    buffer /= self.options.workers

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(EMA, (1 + self.step) / (10 + self.step))
        for a, b in zip(self.average.parameters(), self.model.parameters(), strict=True):
            a.lerp_(b, 1 - decay)
        # The quantizer's statistics are those of its encoder: they must lag as much as the encoder's weights do.
        for a, b in zip(self.average.buffers(), self.model.buffers(), strict=True):
            a.copy_(torch.lerp(a, b, 1 - decay) if a.is_floating_point() else b)

    @torch.inference_mode()
    def reconstruct(self, samples: np.ndarray, num_codebooks: int) -> np.ndarray:
        """Samples (T * 320,) through the averaged weights and real codes."""
        x = torch.from_numpy(samples)[None].to(self.options.device)
        codes = self.average.quantizer.encode(self.average.latent(x))[..., :num_codebooks]
        kept = torch.tensor([num_codebooks], device=x.device)
        return self.average.waveform(self.average.quantizer.decode(codes), kept)[0][0].cpu().numpy()

    def save(self, path: Path) -> None:
        """Write a checkpoint, atomically: after a crash, the previous one remains."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            moments = self.optimizer.state.get(parameter, {})
            tensors |= {f"optimizer.{key}.{name}": value for key, value in moments.items()}
        model = json.dumps(asdict(self.options.model))
        progress = {"step": self.step, "seconds": self.seconds, "best": self.best_quality, "model": model}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, partial, metadata={"progress": json.dumps(progress)})
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Resume from a checkpoint.

        Raises:
            WeightsError, OptionsError: it is damaged, or of another model.
        """
        tensors, progress = load_checkpoint(path)
        if progress["model"] != json.dumps(asdict(self.options.model)):
            raise OptionsError(f"{path} was trained with another model configuration: {progress['model']}")
        self.model.load_state_dict(prefixed(tensors, "model"))
        self.average.load_state_dict(prefixed(tensors, "average"))
        for name, parameter in self.model.named_parameters():
            state = {key: tensors.get(f"optimizer.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            if all(value is not None for value in state.values()):
                self.optimizer.state[parameter] = state
        self.best_quality = float(progress.get("best", 0.0))
        self.step = int(progress["step"])
        self.seconds = self.clock = float(progress["seconds"])


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, float | int | str]]:
    """Tensors and progress.

    Raises:
        WeightsError: not a checkpoint of this recipe, or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            return {name: file.get_tensor(name) for name in file.keys()}, progress  # noqa: SIM118 (not a dict)
    except Exception as error:
        raise WeightsError(f"{path} is not a checkpoint of this recipe: {error}; remove it to start again") from None


def prefixed(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries under `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(prefix + ".")}
