"""Pitch and its place in the codes."""

from __future__ import annotations

import pytest
import torch

from hybrid_tok.codec.excitation import Excitation
from hybrid_tok.codec.network import PITCH_CORRECTION, Codec, CodecConfig
from hybrid_tok.codec.pitch import HIGHEST, LOWEST, PitchTracker, pitch_to_place, place_to_octaves

PLACES = CodecConfig().pitch_places
STEP = 0.033
"""Octaves by which the place nearest to a pitch is wrong at most."""


def buzz(pitch: float, num_samples: int = 19_200) -> torch.Tensor:
    time = torch.arange(num_samples) / 16_000
    return 0.1 * torch.stack([torch.cos(2 * torch.pi * pitch * h * time) / h for h in range(1, 15)]).sum(0)[None]


@pytest.mark.parametrize("pitch", [80.0, 140.0, 233.3, 410.0])
def test_pitch_of_a_buzz(pitch: float) -> None:
    track = PitchTracker()(buzz(pitch), 320)
    assert (track > 0).all()
    assert (track / pitch).log2().abs().max() < 0.01


def test_noise_and_silence_have_no_pitch() -> None:
    noise = 0.1 * torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    assert (PitchTracker()(torch.cat([noise, torch.zeros(1, 16_000)]), 160) > 0).float().mean() < 0.02


def test_places_cover_the_range_in_even_steps() -> None:
    pitch = torch.cat([torch.zeros(1), torch.logspace(0, 1, 500, base=HIGHEST / LOWEST) * LOWEST])
    place = pitch_to_place(pitch, PLACES)
    assert place[0] == 0 and set(place[1:].tolist()) == set(range(1, PLACES))
    octaves = place_to_octaves(place, PLACES)
    assert octaves[0] == 0
    assert (octaves[1:] - pitch[1:].log2()).abs().max() < STEP


def test_the_decoder_speaks_at_the_pitch_that_was_coded() -> None:
    """The network is untrained: pitch does not pass through it."""
    torch.manual_seed(0)
    codec = Codec(CodecConfig(encoder_blocks=1, decoder_blocks=1, head_blocks=1)).eval()
    for pitch in (90.0, 210.0):
        with torch.inference_mode():
            _, spoken, _ = codec(buzz(pitch), torch.tensor([1]))
        assert (spoken[0, 4:-4] / pitch).log2().abs().max() < STEP + PITCH_CORRECTION


def test_unvoiced_frames_keep_the_last_pitch_and_onsets_take_the_next() -> None:
    codec = Codec(CodecConfig(encoder_blocks=1, decoder_blocks=1, head_blocks=1)).eval()
    places = torch.tensor([0, 20, 20, 0, 0, 40, 0])
    latent = torch.zeros(1, len(places), 20)
    latent[0, :, 0] = (places + 0.5) * 2 / PLACES - 1
    state = codec.decoder.initial_states(1)[-2]
    octaves, after = codec.decoder._read_pitch(latent, state, 7)
    # Row p speaks frame p - 1.
    frames = octaves[0, 2:].view(-1, 2)
    low, high = place_to_octaves(torch.tensor([20.0, 40.0]), PLACES)
    expected = torch.stack([low, low, low, low, high, high])
    assert torch.allclose(frames, expected[:, None].expand(-1, 2))
    parts = [codec.decoder._read_pitch(latent[:, :3], state, 3)]
    parts.append(codec.decoder._read_pitch(latent[:, 3:], parts[0][1], 4))
    assert torch.equal(torch.cat([p[0] for p in parts], 1), octaves) and torch.equal(parts[1][1], after)


def test_pulses_keep_their_phase_from_block_to_block() -> None:
    excitation = Excitation(16_000, torch.hann_window(640), 160)
    pitch = torch.linspace(100, 180, 50)[None]
    whole, noise, _ = excitation(pitch, excitation.initial_state(1))
    first, noise_first, state = excitation(pitch[:, :20], excitation.initial_state(1))
    second, noise_second, _ = excitation(pitch[:, 20:], state)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-4)
    assert torch.equal(torch.cat([noise_first, noise_second]), noise)
    assert float(whole.abs().square().mean()) == pytest.approx(1, abs=0.1)
    assert float(noise.abs().square().mean()) == pytest.approx(1, abs=0.1)
