"""Quantizers: codes and values are two spellings of the same thing."""

from __future__ import annotations

import torch

from hybrid_tok.codec.quantizer import GroupedFSQ


@torch.inference_mode()
def test_codes_decode_to_what_training_saw() -> None:
    torch.manual_seed(0)
    quantizer = GroupedFSQ((8, 5, 3), 3).eval()
    latent = torch.randn(4, 50, quantizer.latent_dim)
    codes = quantizer.encode(latent)
    assert codes.shape == (4, 50, 3)
    assert ((codes >= 0) & (codes < quantizer.codebook_size)).all()
    for kept in (1, 2, 3):
        trained, _ = quantizer(latent, torch.full((4,), kept))
        assert torch.allclose(quantizer.decode(codes[..., :kept]), trained, atol=1e-5)


def test_every_fsq_code_has_a_value_of_its_own_and_comes_back() -> None:
    quantizer = GroupedFSQ((8, 5, 3), 2).eval()
    codes = torch.arange(quantizer.codebook_size)[:, None].expand(-1, 2)
    values = quantizer.decode(codes)
    assert len({tuple(v.tolist()) for v in values}) == quantizer.codebook_size
    # The latent whose place in the Gaussian is the value, by the quantizer's own squashing function.
    latent = torch.logit((values + 1) / 2) / 1.702 * (1 + 1e-5) ** 0.5
    assert torch.equal(quantizer.encode(latent), codes)


def test_fsq_uses_its_levels_evenly_on_a_gaussian() -> None:
    torch.manual_seed(0)
    quantizer = GroupedFSQ((8, 8, 8, 5, 5), 1)
    latent = 3 + 5 * torch.randn(100, 200, 5)
    for _ in range(3):
        quantizer(latent, torch.ones(100, dtype=torch.int64))
    counts = torch.bincount(quantizer.eval().encode(latent).flatten(), minlength=12_800)
    share = counts / counts.sum()
    perplexity = torch.exp(-(share * share.clamp(min=1e-12).log()).sum())
    # 20,000 draws from 12,800 even codes have a perplexity of about 8,700 themselves.
    assert perplexity > 8_000


def test_gradients_pass_through_kept_groups_only() -> None:
    quantizer = GroupedFSQ((8, 5, 3), 2)
    latent = torch.randn(2, 10, 6, requires_grad=True)
    values, _ = quantizer(latent, torch.tensor([1, 2]))
    values.sum().backward()
    assert latent.grad is not None
    assert (latent.grad[0, :, :3] != 0).all() and (latent.grad[0, :, 3:] == 0).all()
    assert (latent.grad[1] != 0).all()
