"""Quantizers: codes and values are two spellings of the same thing."""

from __future__ import annotations

import pytest
import torch

from hybrid_tok.codec.quantizer import GroupedFSQ

PLACES = 6


def small(num_codebooks: int = 3) -> GroupedFSQ:
    """120 codes: the first codebook has 5 x 16 voiced and 40 unvoiced ones."""
    return GroupedFSQ((8, 5, 3), num_codebooks, PLACES, voiced=(4, 4), unvoiced=(8, 5)).eval()


def latents(quantizer: GroupedFSQ, *shape: int) -> torch.Tensor:
    """Random latents with random places of the pitch, half of them unvoiced."""
    latent = torch.randn(*shape, quantizer.latent_dim)
    place = torch.randint(1, quantizer.places, shape) * torch.randint(0, 2, shape)
    latent[..., 0] = (place + 0.5) / quantizer.places
    return latent


@torch.inference_mode()
def test_codes_decode_to_what_training_saw() -> None:
    torch.manual_seed(0)
    quantizer = small()
    latent = latents(quantizer, 4, 50)
    codes = quantizer.encode(latent)
    assert codes.shape == (4, 50, 3)
    assert ((codes >= 0) & (codes < quantizer.codebook_size)).all()
    for kept in (1, 2, 3):
        trained, _ = quantizer(latent, torch.full((4,), kept))
        assert torch.allclose(quantizer.decode(codes[..., :kept]), trained, atol=1e-5)


def test_every_code_has_a_value_of_its_own_and_comes_back() -> None:
    quantizer = small(2)
    codes = torch.arange(quantizer.codebook_size)[:, None].expand(-1, 2)
    values = quantizer.decode(codes)
    assert len({tuple(v.tolist()) for v in values[:, :3]}) == quantizer.codebook_size
    assert len({tuple(v.tolist()) for v in values[:, 3:]}) == quantizer.codebook_size
    # The latent whose place in the Gaussian is the value, by the quantizer's own squashing function.
    latent = torch.logit((values + 1) / 2) / 1.702 * (1 + 1e-5) ** 0.5
    latent[:, 0] = (values[:, 0] + 1) / 2
    assert torch.equal(quantizer.encode(latent), codes)


def test_the_first_codebook_has_voiced_frames_first_and_its_last_code_is_unvoiced() -> None:
    quantizer = small(1)
    places = (quantizer.points[0, :, 0] + 1) / 2 * PLACES - 0.5
    assert torch.allclose(places[:80], torch.arange(80) % 5 + 1.0, atol=1e-5)
    assert torch.allclose(places[80:], torch.zeros(40), atol=1e-5)


def test_levels_are_used_evenly_on_a_gaussian_of_each_voicing() -> None:
    torch.manual_seed(0)
    quantizer = GroupedFSQ((8, 8, 8, 5, 5), 1, 50, (8, 5, 5), (10, 10, 6, 5))
    latent = 3 + 5 * torch.randn(100, 200, 5)
    voiced = torch.arange(200) % 2 > 0
    latent[:, voiced] += 4
    latent[..., 0] = torch.where(voiced, (torch.randint(1, 50, (100, 200)) + 0.5) / 50, 0.01)
    for _ in range(3):
        quantizer(latent, torch.ones(100, dtype=torch.int64))
    codes = quantizer.eval().encode(latent)
    for part, least in ((codes[:, voiced], 5_000), (codes[:, ~voiced], 2_000)):
        counts = torch.bincount(part.flatten(), minlength=12_800)
        share = counts / counts.sum()
        perplexity = torch.exp(-(share * share.clamp(min=1e-12).log()).sum())
        # 10,000 draws from 9,800 even codes have a perplexity of about 5,900 themselves, from 3,000 of about 2,600.
        assert perplexity > least


def test_gradients_pass_through_kept_groups_and_used_dimensions_only() -> None:
    quantizer = GroupedFSQ((8, 5, 3), 2, PLACES, voiced=(16,), unvoiced=(8, 5))
    latent = latents(quantizer, 2, 10).requires_grad_()
    values, _ = quantizer(latent, torch.tensor([1, 2]))
    values.sum().backward()
    assert latent.grad is not None
    voiced = latent[..., 0] * PLACES >= 1
    assert (latent.grad[..., 1] != 0).all()
    assert (latent.grad[..., 2] != 0).equal(~voiced)
    assert (latent.grad[0, :, 3:] == 0).all() and (latent.grad[1, :, 3:] != 0).all()


def test_parts_that_do_not_add_up_are_refused() -> None:
    for places, voiced, unvoiced in ((6, (4, 4), (8, 4)), (5, (4, 5), (8, 5)), (6, (4, 2, 2), (8, 5))):
        with pytest.raises(ValueError, match="a first codebook of"):
            GroupedFSQ((8, 5, 3), 2, places, voiced, unvoiced)
