"""The event network: features, posteriors, and weights that are damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_tok.audio import read_mono
from hybrid_tok.errors import WeightsError
from hybrid_tok.tagger.features import EventFeatures, mel_filters
from hybrid_tok.tagger.network import BLOCK, EVENT_WEIGHTS, POSTERIORS, EventConfig, EventModel
from real_audio import recording


@pytest.fixture(scope="module")
def model() -> EventModel:
    return EventModel()


def test_silence_is_zero_in_every_feature() -> None:
    """What lies outside a recording is the same as digital silence inside it."""
    log_mel, auxiliary = EventFeatures()(torch.zeros(1, 10 * 320))
    assert log_mel.shape == (1, 1, 64, 20) and auxiliary.shape == (1, 10, 6)
    assert not log_mel.any() and not auxiliary.any()


def test_a_full_scale_tone_is_0_decibels_in_its_band() -> None:
    time = torch.arange(32_000) / 16_000
    log_mel, auxiliary = EventFeatures()(torch.sin(2 * torch.pi * 250 * time)[None])
    middle = log_mel[0, 0, :, 100]
    # 0 dB is 3.0; the band's average over its triangle is a few dB below the bin's own level
    assert 2.7 < middle.max() < 3.05
    assert int(middle.argmax()) == int(mel_filters()[8].argmax())  # bin 8 is 250 Hz
    assert auxiliary[0, 50, 0] > 0.98
    assert float(auxiliary[0, 50, 1]) == pytest.approx(np.log2(250 / 200), abs=0.03)


def test_roughness_tells_the_rate_of_modulation() -> None:
    """Full modulation of the amplitude at 50 and at 100 Hz is seen in the second and in the third band."""
    time = torch.arange(32_000) / 16_000
    for hertz, band in ((50, 1), (100, 2)):
        rough = torch.sin(2 * torch.pi * 1000 * time) * (1 + torch.sin(2 * torch.pi * hertz * time))
        depths = EventFeatures()(0.3 * rough[None])[1][0, 50, 2:]
        assert int(depths.argmax()) == band and depths[band] > 0.4


@pytest.mark.parametrize("samples", [0, 1, 320, 321, 1600])
def test_shapes_of_short_recordings(model: EventModel, samples: int) -> None:
    posteriors = model.posteriors(np.full(samples, 0.1, np.float32))
    assert posteriors.shape == (-(-samples // 320), len(POSTERIORS)) and posteriors.dtype == np.float32
    assert np.isfinite(posteriors).all()


def test_posteriors_do_not_depend_on_the_block(model: EventModel) -> None:
    audio, _ = read_mono(recording("dialogues/dialogue00.flac"))
    samples = audio.samples[: 20 * 16_000 + 77]
    whole = model.posteriors(samples)
    for block in (97, 300, 1000):
        np.testing.assert_allclose(model.posteriors(samples, block), whole, atol=2e-5)
    assert BLOCK > 1000  # otherwise `whole` was none
    np.testing.assert_array_equal(model.posteriors(samples), whole)


def test_events_are_exclusive_and_background_is_not(model: EventModel) -> None:
    audio, _ = read_mono(recording("dialogues/dialogue00.flac"))
    posteriors = model.posteriors(audio.samples[: 10 * 16_000])
    assert (posteriors >= 0).all() and (posteriors <= 1).all() and (posteriors[:, :15].sum(1) < 1 + 1e-5).all()


def test_beside_speech_the_networks_have_other_weights(model: EventModel) -> None:
    """The first network alone there; where nothing is spoken, the mean of all."""
    first, second = EventModel(), EventModel()
    for one, weights in ((first, [1.0, 0.0]), (second, [0.0, 1.0])):
        one.identity = replace(one.identity, beside_speech=weights)
    talk, _ = read_mono(recording("dialogues/dialogue00.flac"))
    cough, _ = read_mono(min(recording("dev/covid19-cough").iterdir()))
    spoken = [one.posteriors(talk.samples[: 10 * 16_000]) for one in (model, first, second)]
    np.testing.assert_array_equal(spoken[0], spoken[1])
    assert np.abs(spoken[1] - spoken[2]).max() > 0.1
    alone = [one.posteriors(cough.samples) for one in (model, second)]
    np.testing.assert_array_equal(*alone)


def test_it_is_small() -> None:
    assert EVENT_WEIGHTS.stat().st_size < 2 * 10**6
    assert sum(p.numel() for p in EventModel().networks.parameters()) < 10**6


def test_damaged_weights(tmp_path: Path) -> None:
    weights = tmp_path / "events.safetensors"
    with pytest.raises(WeightsError, match="cannot be read"):
        EventModel(weights)
    description = json.loads(EVENT_WEIGHTS.with_suffix(".json").read_text())
    weights.write_bytes(EVENT_WEIGHTS.read_bytes()[:-1])
    for wrong, message in (
        (description, "truncated or changed"),
        (description | {"architecture": {"width": 3}}, "describes no network"),
        (description | {"temperatures": []}, "describes no network"),
        (description | {"beside_speech": [1.0]}, "weights beside speech of 1"),
        ({"name": "x"}, "is damaged"),
    ):
        weights.with_suffix(".json").write_text(json.dumps(wrong))
        with pytest.raises(WeightsError, match=message):
            EventModel(weights)


def test_context_covers_what_a_frame_depends_on() -> None:
    """A click just outside the context changes nothing; just inside the dilated blocks it does."""
    torch.manual_seed(0)
    from hybrid_tok.tagger.network import EventNetwork

    config = EventConfig(width=8, dilations=(1, 2))
    network, features = EventNetwork(config).eval(), EventFeatures()
    samples = torch.zeros(1, 100 * 320)
    clicked = samples.clone()
    clicked[0, (50 + config.context + 1) * 320 :] = 0.5
    with torch.inference_mode():
        before, after = (network(*features(x))[0][0, 50] for x in (samples, clicked))
        assert torch.equal(before, after)
        clicked[0, 58 * 320 :] = 0.5
        assert not torch.equal(before, network(*features(clicked))[0][0, 50])
