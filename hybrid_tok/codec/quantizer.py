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

    The first dimension is not learned: it holds the place of the pitch, as (place + 0.5) / places, 0 for unvoiced. A
    grid of places and other levels would leave nearly all of the first codebook to voiced frames. So its codes are
    divided in two parts: first those of voiced frames, a grid of the places above 0 and `voiced` levels; then those of
    unvoiced frames, a finer grid in the other dimensions alone. The statistics, too, are kept apart by voicing.

    Args:
        levels: levels per dimension within a group after the first; a codebook has prod(levels) codes.
        num_codebooks: number of groups.
        places: of the pitch, unvoiced included. An even number: a latent of zeros, a missing frame, is none of them.
        voiced: levels of the first group's other dimensions in voiced frames; missing ones are not used.
        unvoiced: the same, in unvoiced frames.

    Raises:
        ValueError: the parts of the first codebook do not add up to the size of the others.
    """

    mean: Tensor
    variance: Tensor
    updates: Tensor
    levels: Tensor
    bases: Tensor
    points: Tensor

    def __init__(
        self,
        levels: tuple[int, ...],
        num_codebooks: int,
        places: int,
        voiced: tuple[int, ...],
        unvoiced: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.num_codebooks, self.places = num_codebooks, places
        self.group_dim = len(levels)
        self.codebook_size = math.prod(levels)
        self.latent_dim = num_codebooks * self.group_dim
        self.num_voiced = (places - 1) * math.prod(voiced)
        size = self.num_voiced + math.prod(unvoiced)
        if size != self.codebook_size or places % 2 or max(len(voiced), len(unvoiced)) >= self.group_dim:
            raise ValueError(
                f"a first codebook of {size} codes, {places} places, beside others of {self.codebook_size}"
            )
        unused = (1,) * self.group_dim
        first = [(places, *levels, *unused)[: self.group_dim] for levels in (unvoiced, voiced)]
        others = levels * (num_codebooks - 1)
        self.register_buffer("mean", torch.zeros(2, self.latent_dim))
        self.register_buffer("variance", torch.ones(2, self.latent_dim))
        self.register_buffer("updates", torch.zeros(2, dtype=torch.int64))
        # Rows: unvoiced frames, voiced frames.
        self.register_buffer(
            "levels", torch.tensor([(*part, *others) for part in first], dtype=torch.float32), persistent=False
        )
        grids = [(1, *first[0][1:]), (places - 1, *first[1][1:]), levels]
        bases = [[math.prod(grid[:i]) for i in range(self.group_dim)] for grid in grids]
        self.register_buffer("bases", torch.tensor(bases), persistent=False)
        unvoiced_bins, voiced_bins, other_bins = (_all_bins(grid) for grid in grids)
        voiced_bins[:, 0] += 1
        points = [_values(voiced_bins, first[1]), _values(unvoiced_bins, first[0])]
        rest = [_values(other_bins, levels)] * (num_codebooks - 1)
        self.register_buffer("points", torch.stack([torch.cat(points), *rest]), persistent=False)

    def _voicing(self, latent: Tensor) -> Tensor:
        """Of each frame (..., ), 1 where it is voiced: the row of `mean`, `variance` and `levels`."""
        return (latent[..., 0] * self.places >= 1).long()

    def _uniform(self, latent: Tensor, voicing: Tensor) -> Tensor:
        """Latent (..., latent_dim) to values that a unit Gaussian would spread evenly over (0, 1)."""
        scaled = (latent - self.mean[voicing]) * torch.rsqrt(self.variance[voicing] + 1e-5)
        return torch.cat([latent[..., :1], torch.sigmoid(1.702 * scaled)[..., 1:]], -1)

    @torch.no_grad()
    def _update_statistics(self, latent: Tensor, voicing: Tensor) -> None:
        """Update running mean and variance; the batch is normalized by them too, so that codes do not depend on it."""
        for kind in (0, 1):
            rows = latent[voicing == kind]
            if not len(rows):
                continue
            share = max(0.01, 1 / (int(self.updates[kind]) + 1))
            batch_mean = rows.mean(0)
            self.variance[kind].lerp_((rows - self.mean[kind].lerp(batch_mean, share)).square().mean(0), share)
            self.mean[kind].lerp_(batch_mean, share)
            self.updates[kind] += 1

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
        voicing = self._voicing(latent)
        if self.training:
            self._update_statistics(latent, voicing)
        uniform, levels = self._uniform(latent, voicing), self.levels[voicing]
        soft = 2 * uniform - 1
        values = soft + (_values(_bins(uniform, levels), levels) - soft).detach()
        groups = torch.arange(self.latent_dim, device=latent.device) // self.group_dim
        values = values * (groups[None] < num_kept[:, None])[:, None] * (levels > 1)
        flat = soft.reshape(-1, self.num_codebooks, self.group_dim) * 3**0.5
        covariance = torch.einsum("ngi,ngj->gij", flat, flat) / len(flat)
        auxiliary = torch.triu(covariance, 1).square().mean()
        return values, auxiliary

    def encode(self, latent: Tensor) -> Tensor:
        """Latent (..., latent_dim) to codes (..., num_codebooks), int64."""
        voicing = self._voicing(latent)
        bins = _bins(self._uniform(latent, voicing), self.levels[voicing]).long()
        bins = bins.view(*bins.shape[:-1], self.num_codebooks, self.group_dim)
        unvoiced = (bins[..., :1, :] * self.bases[0]).sum(-1) + self.num_voiced
        voiced = (bins[..., :1, :] * self.bases[1]).sum(-1) - 1
        others = (bins[..., 1:, :] * self.bases[2]).sum(-1)
        return torch.cat([torch.where(voicing[..., None] > 0, voiced, unvoiced), others], -1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (..., K), K <= num_codebooks, to the quantized latent (..., latent_dim); missing groups are zero."""
        values = self.points[torch.arange(codes.shape[-1], device=codes.device), codes].flatten(-2)
        return F.pad(values, (0, self.latent_dim - values.shape[-1])) if values.shape[-1] < self.latent_dim else values


def _bins(uniform: Tensor, levels: Tensor) -> Tensor:
    return torch.minimum((uniform * levels).floor(), levels - 1)


def _values(bins: Tensor, levels: Tensor | tuple[int, ...]) -> Tensor:
    """The middles of bins, over [-1, 1]."""
    return (bins + 0.5) * 2 / torch.as_tensor(levels, dtype=torch.float32, device=bins.device) - 1


def _all_bins(levels: tuple[int, ...]) -> Tensor:
    """Every code of a grid (codes, dimensions), the first dimension fastest."""
    return torch.cartesian_prod(*(torch.arange(count) for count in reversed(levels))).flip(-1)
