"""Losses: zero for the same sound, larger for a worse one, and with finite gradients on silence."""

from __future__ import annotations

import pytest
import torch

from hybrid_tok.train.codec.losses import ReconstructionLoss, pitch_loss


def buzz(pitch: float, seconds: float = 1.2) -> torch.Tensor:
    time = torch.arange(int(seconds * 16_000)) / 16_000
    wave = sum(torch.cos(2 * torch.pi * pitch * h * time) / h for h in range(1, 15))
    return (0.1 * wave * torch.sin(2 * torch.pi * 2 * time) ** 2)[None]  # type: ignore[operator]


@pytest.mark.parametrize("step", range(4))
def test_losses_order_reconstructions(step: int) -> None:
    losses = ReconstructionLoss()
    target = buzz(140.0)
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    totals = [sum(losses(output, target, step).values()) for output in (target, target + 0.002 * noise, 0.05 * noise)]
    assert float(totals[0]) < 0.02
    assert totals[0] < totals[1] < totals[2]


def test_gradients_are_finite_on_silence() -> None:
    losses = ReconstructionLoss()
    for target in (torch.zeros(1, 19_200), buzz(140.0)):
        output = torch.zeros(1, 19_200, requires_grad=True)
        sum(losses(output, target, 0).values()).backward()  # type: ignore[union-attr]
        assert output.grad is not None and torch.isfinite(output.grad).all()


def test_pitch_loss_ignores_unvoiced_frames() -> None:
    target = torch.tensor([[100.0, 0.0, 200.0]])
    assert float(pitch_loss(torch.tensor([[100.0, 555.0, 200.0]]), target)) == 0
    assert float(pitch_loss(torch.tensor([[100.0, 555.0, 220.0]]), target)) > 0
