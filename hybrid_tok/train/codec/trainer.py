"""One training step of the unit codec, and everything that it changes."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

from hybrid_tok.codec.network import PITCH_WINDOW, SUBHOP, Codec
from hybrid_tok.errors import OptionsError
from hybrid_tok.train.codec import checkpoint
from hybrid_tok.train.codec.discriminators import Discriminators
from hybrid_tok.train.codec.losses import ReconstructionLoss, pitch_loss
from hybrid_tok.train.codec.options import TrainCodecOptions


class CodecTrainer:
    """Everything that a training step changes."""

    def __init__(self, options: TrainCodecOptions) -> None:
        torch.manual_seed(options.seed)
        if options.workers > 1:
            torch.set_num_threads(1)
        self.options = options
        self.model = Codec(options.model).to(options.device)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.losses = ReconstructionLoss().to(options.device)
        self.optimizer = _optimizer(self.model, options.learning_rate)
        self.adversary: Discriminators | None = None
        if options.adversarial_from < 1:
            self.adversary = Discriminators().to(options.device)
            self.adversary_optimizer = _optimizer(self.adversary, options.adversary_learning_rate)
        self.best_quality = 0.0
        self.step = 0
        self.clock = 0.0
        """Seconds trained as this process counts them."""
        self.seconds = 0.0
        """Seconds trained as all workers have agreed on at the last step; the schedule follows these."""

    @property
    def spent(self) -> float:
        """Part of the budget that is used up, 0 to 1."""
        return min(1.0, max(self.seconds / 60 / self.options.minutes, self.step / self.options.steps))

    def train_step(self, segments: Tensor, kept: Tensor) -> dict[str, float]:
        """One step of the optimizer; returns the terms of the loss."""
        options = self.options
        rate = min(1.0, (self.step + 1) / options.warmup) * (1 - self.spent)
        for group in self.optimizer.param_groups:
            group["lr"] = options.learning_rate * rate
        segments, kept = segments.to(options.device), kept.to(options.device)
        with torch.autocast(options.device, torch.bfloat16, enabled=options.autocast):
            output, pitch, auxiliary = self.model(segments, kept)
        output = output.float()
        terms = {
            **self.losses(output, segments, self.step),
            "pitch": pitch_loss(pitch, self._true_pitch(segments)),
            "quantizer": auxiliary,
        }
        contested = self.adversary is not None and self.spent >= options.adversarial_from
        if contested:
            terms |= self._contest(output, segments)
        loss = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._share_gradients(self.model)
        norm = clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        self._update_average()
        return {name: float(value.detach()) for name, value in terms.items()} | {"norm": float(norm)}

    def _true_pitch(self, segments: Tensor) -> Tensor:
        """Pitch (B, 2T) of the 10 ms that the decoder speaks."""
        margin = (PITCH_WINDOW - SUBHOP) // 2
        return self.model.encoder.pitch(F.pad(segments, (margin, margin)), SUBHOP)

    def _contest(self, output: Tensor, segments: Tensor) -> dict[str, Tensor]:
        """Teach the discriminator whose turn it is, then ask it: adversarial and feature-matching losses."""
        assert self.adversary is not None
        self.adversary_optimizer.zero_grad(set_to_none=True)
        self.adversary.discriminate(output, segments, self.step).backward()
        self._share_gradients(self.adversary)
        self.adversary_optimizer.step()
        self.adversary.requires_grad_(False)
        adversarial, features = self.adversary.persuade(output, segments, self.step)
        self.adversary.requires_grad_(True)
        return {"adversarial": 0.1 * adversarial, "features": 0.5 * features}

    def _share_gradients(self, model: nn.Module) -> None:
        """Average the gradients over the workers, and let all read the first one's clock."""
        if self.options.workers == 1:
            self.seconds = self.clock
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        clock = torch.tensor([self.clock if dist.get_rank() == 0 else 0.0])
        flat = torch.cat([t.reshape(-1) for t in [clock, *gradients]])
        dist.all_reduce(flat)
        self.seconds = float(flat[0])
        shares = flat[1:].div_(self.options.workers).split([g.numel() for g in gradients])
        for gradient, share in zip(gradients, shares, strict=True):
            gradient.copy_(share.view_as(gradient))
        if self.step % 20 == 0:
            for buffer in model.buffers():
                if buffer.dtype == torch.float32:
                    dist.all_reduce(buffer)
                    buffer /= self.options.workers

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.options.ema, (1 + self.step) / (10 + self.step))
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
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        tensors |= checkpoint.optimizer_tensors(self.model, self.optimizer, "optimizer")
        if self.adversary is not None:
            tensors |= {f"adversary.{k}": v for k, v in self.adversary.state_dict().items()}
            tensors |= checkpoint.optimizer_tensors(self.adversary, self.adversary_optimizer, "adversary_optimizer")
        model = json.dumps(asdict(self.options.model))
        checkpoint.save_checkpoint(
            path,
            tensors,
            {"step": self.step, "seconds": self.seconds, "best": self.best_quality, "model": model},
        )

    def load(self, path: Path) -> None:
        tensors, progress = checkpoint.load_checkpoint(path)
        if progress["model"] != json.dumps(asdict(self.options.model)):
            raise OptionsError(f"{path} was trained with another model configuration: {progress['model']}")
        self.model.load_state_dict(checkpoint.prefixed(tensors, "model"))
        self.average.load_state_dict(checkpoint.prefixed(tensors, "average"))
        checkpoint.restore_optimizer(self.model, self.optimizer, tensors, "optimizer")
        adversary = checkpoint.prefixed(tensors, "adversary")
        if self.adversary is not None and adversary:
            self.adversary.load_state_dict(adversary)
            checkpoint.restore_optimizer(self.adversary, self.adversary_optimizer, tensors, "adversary_optimizer")
        self.best_quality = float(progress.get("best", 0.0))
        self.step = int(progress["step"])
        self.seconds = self.clock = float(progress["seconds"])


def _optimizer(model: nn.Module, learning_rate: float) -> torch.optim.AdamW:
    """AdamW; weight decay on matrices only."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.85, 0.985))
