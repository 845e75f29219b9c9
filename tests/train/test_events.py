"""The event tagger's recipe: what it simulates, mines and composes, and a smoke run that exports weights which load."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.errors import OptionsError
from hybrid_tok.tagger.network import EventConfig, EventModel, EventNetwork
from hybrid_tok.train.events.material import NONE, Clip, active_runs, find_pauses, load_material
from hybrid_tok.train.events.other_sounds import bump, music
from hybrid_tok.train.events.recipe import TrainEventsOptions, export, train
from hybrid_tok.train.events.scenes import Composer, SceneOptions, vocoded
from hybrid_tok.train.events.simulate import SIMULATORS
from hybrid_tok.train.events.source_filter import (
    Voice,
    Voiced,
    find_marks,
    granular,
    overlap_add,
    pulses,
    resynthesized,
    shape,
    spectra,
)


def voiced(hertz: float = 125.0) -> Voiced:
    """Decaying 1 kHz rings, 0.2 s of them."""
    time = np.arange(3_200) % round(16_000 / hertz) / 16_000
    ring = (np.exp(-300 * time) * np.cos(2 * np.pi * 1000 * time)).astype(np.float32)
    return Voiced(ring, find_marks(ring, np.full(10, hertz)))


def voice(*stretches: Voiced) -> Voice:
    rng = np.random.default_rng(0)
    envelopes = (0.3 * rng.standard_normal((6, 257)).astype(np.float32) for _ in range(2))
    airs = (0.1 * rng.standard_normal(3_000).astype(np.float32),) if stretches else ()
    return Voice(*envelopes, pitch=150.0, voiced=stretches, airs=airs, pressed=stretches[:1])


def test_spectra_and_back() -> None:
    samples = np.random.default_rng(0).standard_normal(5_000).astype(np.float32)
    np.testing.assert_allclose(overlap_add(spectra(samples), 5_000), samples, atol=1e-5)
    flat = shape(samples, np.zeros((3, 257), np.float32))
    np.testing.assert_allclose(flat, samples, atol=1e-5)
    louder = shape(samples, np.full((1, 257), np.log(2), np.float32))
    np.testing.assert_allclose(louder, 2 * samples, atol=1e-5)


def test_pulses_come_at_their_pitch() -> None:
    train_of_pulses = pulses(np.full(16_000, 100.0), np.random.default_rng(0), jitter=0.0, shimmer=0.0)
    marks = np.flatnonzero(train_of_pulses > 1)
    assert 98 <= len(marks) <= 200  # each lies on one or two samples
    assert float(np.mean(train_of_pulses**2)) == pytest.approx(1.0, rel=0.4)


def test_periods_are_found_and_added_up_at_another_pitch() -> None:
    """Rings of 125 Hz become ones of 200 Hz, as long as wanted; they still ring at 1 kHz."""
    assert set(np.diff(voiced().marks)) == {128}
    out = resynthesized(voiced(), np.full(16_000, 200.0), np.random.default_rng(0), jitter=0.0, shimmer=0.0)
    assert out.shape == (16_000,) and float(np.mean(out**2)) == pytest.approx(1.0, rel=0.01)
    spectrum = np.abs(np.fft.rfft(out[4_000:12_000] * np.hanning(8_000)))  # 2 Hz per bin
    harmonics, between = spectrum[100:1000:100], spectrum[150:1050:100]
    assert harmonics.min() > 5 * between.max()
    assert int(spectrum.argmax()) == 500


def test_grains_of_air_make_a_steady_noise_of_its_colour() -> None:
    """A hiss at 3 kHz that dies away goes on as long and as loud as wanted, still around 3 kHz."""
    rng = np.random.default_rng(0)
    hiss = np.convolve(rng.standard_normal(1_900), np.cos(2 * np.pi * 3000 / 16_000 * np.arange(100)), "same")
    hiss = (hiss * np.exp(-np.arange(1_900) / 600)).astype(np.float32)
    out = granular(hiss, 20_000, rng)
    assert out.shape == (20_000,) and float(np.mean(out**2)) == pytest.approx(1.0, rel=0.01)
    halves = [float(np.mean(half**2)) for half in np.split(out, 4)]
    assert max(halves) < 1.5 * min(halves)
    spectrum = np.abs(np.fft.rfft(out)) ** 2
    assert spectrum[3_500:4_000].sum() > 0.8 * spectrum.sum()  # bins of 0.8 Hz


@pytest.mark.parametrize("stretches", [(), (voiced(), voiced(180.0))])
@pytest.mark.parametrize("label", SIMULATORS)
def test_simulations_are_audible_and_one_seed_gives_one(label: str, stretches: tuple[Voiced, ...]) -> None:
    simulate = SIMULATORS[label]  # type: ignore[index]
    for seed in range(4):
        first, again = (simulate(voice(*stretches), np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert first.dtype == np.float32 and np.isfinite(first).all() and 0.3 < np.abs(first).max() <= 1.0
        assert 0.01 < len(first) / 16_000 < 20


def test_everything_but_cough_can_be_simulated() -> None:
    assert set(EVENT_LABELS) - set(SIMULATORS) == {"cough"}


def test_a_breath_is_found_in_a_pause() -> None:
    """Speech at -20 dB, a pause at -75 dB with 0.3 s at -50 dB in it; a voiced sound there is none."""
    loudness = np.full(150, -75.0)
    loudness[10:60] = loudness[100:140] = -20.0
    loudness[80:95] = -50.0
    periodicity = np.where(loudness > -30, 0.9, 0.1)
    found = find_pauses(Clip(0, 150 * 320, "a", "x"), loudness, periodicity)
    assert found.breaths == ((80, 95),)
    assert found.activity[10:60].all() and not found.activity[65:95].any()
    periodicity[80:95] = 0.9
    assert find_pauses(Clip(0, 150 * 320, "a", "x"), loudness, periodicity).breaths == ()


def test_active_runs_bridge_short_gaps() -> None:
    samples = np.zeros(100 * 320, np.float32)
    rng = np.random.default_rng(0)
    for start, end in ((10, 20), (25, 30), (60, 70)):
        samples[start * 320 : end * 320] = 0.1 * rng.standard_normal((end - start) * 320)
    assert active_runs(samples) == [(10, 30), (60, 70)]
    assert active_runs(np.zeros(0, np.float32)) == []


def test_music_and_vocoded_speech_have_their_length() -> None:
    rng = np.random.default_rng(0)
    assert len(music(1.5, rng)) == 24_000
    assert all(0.3 < np.abs(bump(rng)).max() <= 1 for _ in range(12))
    samples = 0.1 * rng.standard_normal(20_000).astype(np.float32)
    assert vocoded(samples, rng).shape == samples.shape


def write_data(folder: Path) -> None:
    """Buzzing "speech" of five speakers with pauses, and noise bursts as coughs and background."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for k in range(40):
        time = np.arange(48_000) / 16_000
        pitch = 100 + 10 * (k % 20)
        buzz = sum(np.sin(2 * np.pi * pitch * h * time) / h for h in range(1, 12))
        gate = (np.sin(2 * np.pi * 0.7 * time) > -0.3).astype(float)
        soundfile.write(folder / f"s{k}.wav", (0.1 * buzz * gate + 1e-4 * rng.standard_normal(48_000)), 16_000)
        lines.append({"audio": f"s{k}.wav", "source": "librispeech", "speaker": f"p{k % 20}", "text": "x"})
    for k in range(20):
        for label, source in (("cough", "covid19-cough"), ("rain", "esc10")):
            burst = 0.2 * rng.standard_normal(16_000) * (np.arange(16_000) < 6_000 if label == "cough" else 1)
            soundfile.write(folder / f"{label}{k}.wav", burst, 16_000)
            lines.append({"audio": f"{label}{k}.wav", "source": source, "label": label})
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


def test_material_is_split_by_speaker(tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    sides = load_material(tmp_path / "data", tmp_path / "cache", held_out=0.3)
    speakers = [{u.clip.speaker for u in side.utterances} for side in sides]
    assert speakers[0] and speakers[1] and not speakers[0] & speakers[1]
    assert sum(len(side.recorded["cough"]) for side in sides) == 20
    # Coughs end after 0.4 s of noise: that is the air, and what is left of their recordings is silence.
    assert all(0.1 < len(air) / 16_000 < 0.6 for side in sides for air in side.voices[0].airs)
    assert all(len(side.voices[0].airs) >= len(side.recorded["cough"]) for side in sides) and not sides[0].backgrounds
    assert all(80 < v.pitch < 320 for side in sides for v in side.voices)

    composer = Composer(sides[0], SceneOptions(frames=200))
    scenes = [composer.draw(np.random.default_rng(k)) for k in range(12)]
    for scene in scenes:
        assert scene.samples.shape == (64_000,) and np.abs(scene.samples).max() <= 1
        assert scene.events.shape == (200,) and scene.background.shape == (200, 4)
    labels = np.concatenate([scene.events for scene in scenes])
    assert (labels == NONE).mean() > 0.3 and (labels < NONE).any()
    assert any((scene.background[:, 0] == 1).any() for scene in scenes)

    # With a humming background, there is hum before and after the sound.
    hum = np.sin(2 * np.pi * 50 * np.arange(16_000) / 16_000).astype(np.float32)
    humming = Composer(dataclasses.replace(sides[0], backgrounds=(hum,)), SceneOptions())
    piece = np.pad(np.ones(1_600, np.float32), 8_000)
    heard = humming._with_recording_background(piece, np.random.default_rng(0))
    assert len(heard) == len(piece) + 3_200 and 1e-4 < np.abs(heard[:8_000]).max() < 0.2

    only = Composer(sides[0], SceneOptions(ideas=("recorded",)))
    found = {int(v) for k in range(12) for v in only.draw(np.random.default_rng(k)).events}
    assert found - {NONE, 255} == {EVENT_LABELS.index("cough")}


def test_recipe_end_to_end(tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    options = TrainEventsOptions(
        data=tmp_path / "data",
        out=tmp_path / "out",
        scenes=4,
        held_out_scenes=2,
        steps=3,
        batch=2,
        scene=SceneOptions(frames=100),
        model=EventConfig(channels=(4, 4, 4), width=8, dilations=(1, 2)),
    )
    weights = train(options)
    posteriors = EventModel(weights).posteriors(np.zeros(3_300, np.float32))
    assert posteriors.shape == (11, 19) and np.isfinite(posteriors).all()
    log = [json.loads(line) for line in (options.out / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 3 and log[-1]["loss"] > 0
    first = weights.read_bytes()
    assert train(options).read_bytes() == first  # scenes from their file give the same
    kept = tmp_path / "first" / "events.safetensors"
    kept.parent.mkdir()
    for suffix in (".safetensors", ".json"):
        kept.with_suffix(suffix).write_bytes(weights.with_suffix(suffix).read_bytes())
    samples = np.random.default_rng(0).normal(0, 0.1, 9_600).astype(np.float32)
    alone = EventModel(kept).posteriors(samples)
    other = train(dataclasses.replace(options, seed=2))
    assert other.read_bytes() != first
    others = EventModel(other).posteriors(samples)
    both = EventModel(train(dataclasses.replace(options, seed=2, out=tmp_path / "both", beside=(kept,))))
    np.testing.assert_allclose(both.posteriors(samples), (alone + others) / 2, atol=1e-5)
    with pytest.raises(OptionsError, match="one architecture"):
        export([(EventNetwork(options.model), 1.0), (EventNetwork(EventConfig()), 1.0)], tmp_path / "x.safetensors")


def test_wrong_options_and_data(tmp_path: Path) -> None:
    good = TrainEventsOptions(data=tmp_path, out=tmp_path)
    for wrong in ({"steps": 0}, {"scenes": 3}):
        with pytest.raises(OptionsError):
            dataclasses.replace(good, **wrong)
    with pytest.raises(OptionsError, match=r"manifest\.jsonl: no such file"):
        load_material(tmp_path, tmp_path / "cache")
