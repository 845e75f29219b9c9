"""What the unit codec's recipe can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hybrid_tok.codec.network import CodecConfig
from hybrid_tok.errors import OptionsError
from hybrid_tok.train.codec.augment import AugmentOptions


@dataclass(frozen=True, slots=True)
class TrainCodecOptions:
    """What `hybrid-tok train codec` can be told.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for the decoded clips, checkpoints, the log and the exported weights.
        dev: folder of development clips, laid out like `data`; None trains without evaluation. With it, the checkpoint
            that scores best is the one exported.
        minutes, steps: the budget; the learning rate reaches zero when the first of them is spent.
        batch: segments per step.
        frames: length of a segment in 20 ms frames.
        learning_rate: at its highest.
        adversary_learning_rate: of the discriminators, constant.
        warmup: steps until `learning_rate` is reached.
        ema: decay of the moving average of the weights, which is what is evaluated and exported.
        prefix_shares: how often a segment keeps 1, 2, .. all codebooks (quantizer dropout).
        adversarial_from: part of the budget after which discriminators join; 1 means never.
        evaluate_minutes: minutes between evaluations and checkpoints.
        seed: of initialization, data order and augmentation.
        device: "cpu" or "cuda".
        autocast: bfloat16 where the device is fast at it (it is not on CPUs without AVX512-BF16 or AMX).
        workers: processes that share each batch, one thread each, on the CPU; cores that wait for one another at every
            operation are slower than two that meet once a step.
    """

    data: Path
    out: Path
    dev: Path | None = None
    minutes: float = 60.0
    steps: int = 1_000_000
    batch: int = 8
    frames: int = 60
    learning_rate: float = 1e-3
    adversary_learning_rate: float = 3e-4
    warmup: int = 200
    ema: float = 0.99
    prefix_shares: tuple[float, ...] = (0.15, 0.4, 0.15, 0.3)
    adversarial_from: float = 1.0
    evaluate_minutes: float = 7.5
    seed: int = 0
    device: str = "cpu"
    autocast: bool = False
    workers: int = 1
    model: CodecConfig = field(default_factory=CodecConfig)
    augment: AugmentOptions = field(default_factory=AugmentOptions)

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.steps <= 0:
            raise OptionsError(f"the budget must be positive, got minutes={self.minutes}, steps={self.steps}")
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
