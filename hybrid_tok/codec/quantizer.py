"""The quantizer: a latent frame to `num_codebooks` integers and back; every prefix of them is a coarser description."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GroupedFSQ(nn.Module):
    """Finite scalar quantization of several latent groups, one group per codebook.

    FSQ (Mentzer et al. 2023, arXiv 2309.15505) rounds each latent dimension to a few levels. Here each dimension is
    first brought to zero mean and unit variance by running statistics and then through a sigmoid close to the Gaussian
    distribution function, so that uniform bins are used about equally often. The groups are not a residual cascade:
    the encoder learns their order because training drops groups from the end (quantizer dropout).

    Args:
        levels: levels per dimension within a group; a codebook has prod(levels) codes.
        num_codebooks: number of groups.
        given: how many leading dimensions are not learned: they come as values in (0, 1), and are only cut into bins.
    """

    mean: Tensor
    variance: Tensor
    updates: Tensor
    levels: Tensor
    bases: Tensor
    points: Tensor

    def __init__(self, levels: tuple[int, ...], num_codebooks: int, given: int = 0) -> None:
        super().__init__()
        self.num_codebooks = num_codebooks
        self.given = given
        self.group_dim = len(levels)
        self.codebook_size = math.prod(levels)
        self.latent_dim = num_codebooks * self.group_dim
        self.register_buffer("mean", torch.zeros(self.latent_dim))
        self.register_buffer("variance", torch.ones(self.latent_dim))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        bases = [math.prod(levels[:i]) for i in range(len(levels))]
        self.register_buffer(
            "levels", torch.tensor(levels, dtype=torch.float32).repeat(num_codebooks), persistent=False
        )
        self.register_buffer("bases", torch.tensor(bases, dtype=torch.int64), persistent=False)
        bins = torch.arange(self.codebook_size)[:, None].div(self.bases, rounding_mode="floor") % torch.tensor(levels)
        self.register_buffer("points", (bins + 0.5) * 2 / self.levels[: self.group_dim] - 1, persistent=False)

    def _uniform(self, latent: Tensor) -> Tensor:
        """Latent (..., latent_dim) to values that a unit Gaussian would spread evenly over (0, 1)."""
        learned = torch.sigmoid(1.702 * (latent - self.mean) * torch.rsqrt(self.variance + 1e-5))
        return torch.cat([latent[..., : self.given], learned[..., self.given :]], -1) if self.given else learned

    @torch.no_grad()
    def _update_statistics(self, latent: Tensor) -> None:
        """Update running mean and variance; the batch is normalized by them too, so that codes do not depend on it."""
        share = max(0.01, 1 / (int(self.updates) + 1))
        rows = latent.reshape(-1, self.latent_dim)
        batch_mean = rows.mean(0)
        self.variance.lerp_((rows - self.mean.lerp(batch_mean, share)).square().mean(0), share)
        self.mean.lerp_(batch_mean, share)
        self.updates += 1

    def _bins(self, uniform: Tensor) -> Tensor:
        return torch.minimum((uniform * self.levels).floor(), self.levels - 1)

    def forward(self, latent: Tensor, num_kept: Tensor) -> tuple[Tensor, Tensor]:
        """Quantize for training, with a straight-through gradient.

        Args:
            latent: (B, T, latent_dim).
            num_kept: (B,) integers, how many codebooks of each item are kept.

        Returns:
            The quantized latent (B, T, latent_dim) in [-1, 1], dropped groups zero; and the auxiliary loss, the mean
            squared correlation between different dimensions of one group (even use of each dimension does not imply
            even use of the grid).
        """
        if self.training:
            self._update_statistics(latent)
        uniform = self._uniform(latent)
        quantized = (self._bins(uniform) + 0.5) * 2 / self.levels - 1
        soft = 2 * uniform - 1
        values = soft + (quantized - soft).detach()
        groups = torch.arange(self.latent_dim, device=latent.device) // self.group_dim
        values = values * (groups[None] < num_kept[:, None])[:, None]
        flat = soft.reshape(-1, self.num_codebooks, self.group_dim) * 3**0.5
        covariance = torch.einsum("ngi,ngj->gij", flat, flat) / len(flat)
        auxiliary = torch.triu(covariance, 1).square().mean()
        return values, auxiliary

    def encode(self, latent: Tensor) -> Tensor:
        """Latent (..., latent_dim) to codes (..., num_codebooks), int64."""
        bins = self._bins(self._uniform(latent)).long()
        return (bins.view(*bins.shape[:-1], self.num_codebooks, self.group_dim) * self.bases).sum(-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (..., K), K <= num_codebooks, to the quantized latent (..., latent_dim); missing groups are zero."""
        values = self.points[codes].flatten(-2)
        return F.pad(values, (0, self.latent_dim - values.shape[-1])) if values.shape[-1] < self.latent_dim else values
