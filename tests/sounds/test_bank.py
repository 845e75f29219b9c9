"""The bank of sounds: what ships, that it sounds as labelled, and that another codec or a damaged file is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeCodec
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.codec.identity import codec_identity
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.interfaces import CodecIdentity
from hybrid_tok.errors import BackendError, OptionsError, WeightsError
from hybrid_tok.sounds.bank import BANK, Sound, load_bank, make_bank, save_bank
from hybrid_tok.tagger.backend import BuiltinTagger


def test_every_event_but_other_has_sounds_of_our_codec() -> None:
    bank, codec = load_bank(), codec_identity()
    bank.check_codec(codec)
    assert BANK.stat().st_size < 60_000
    assert tuple(bank.sounds) == tuple(label for label in EVENT_LABELS if label != "other")
    for label, sounds in bank.sounds.items():
        assert 2 <= len(sounds) <= 3
        assert bank.simulated(label) == (label not in ("cough", "sneeze", "cry"))
        assert len({sound.source for sound in sounds}) == (1 if bank.simulated(label) else len(sounds))
        for sound in sounds:
            units = np.array(sound.units)
            assert units.shape[1] == codec.num_codebooks and 20 <= len(units) <= 100
            assert units.min() >= 0 and units.max() < codec.codebook_size
            assert sound.source is None or "CC" in sound.source


def test_sounds_decode_to_what_they_are_called() -> None:
    """With the default number of codebooks: the tagger hears the right event, at a level that goes with speech."""
    codec, tagger, silence = BuiltinCodec(), BuiltinTagger(), np.zeros(16_000, np.float32)
    sounds = [sound for examples in load_bank().sounds.values() for sound in examples]
    for sound in sounds:
        samples = codec.decode(np.array(sound.units)[:, : codec.identity.default_codebooks])
        assert np.abs(samples).max() < 1.0
        assert -55 < 10 * np.log10(np.mean(np.square(samples))) < -10
        heard = tagger.tag(Audio(np.concatenate([silence, samples, silence]), 16_000))
        assert [event.label for event in heard] == [sound.label]


def test_examples_take_turns() -> None:
    bank = load_bank()
    coughs = bank.sounds["cough"]
    assert [bank.choose("cough", number) for number in range(4)] == [*coughs, coughs[0]][:4]
    with pytest.raises(OptionsError, match="no sound for 'other'; there are: laugh, breath"):
        bank.choose("other", 0)


def test_another_codec_is_refused() -> None:
    with pytest.raises(BackendError, match=r"of codec v2-\w+, not of fake codec \(fake-codec-1\)"):
        load_bank().check_codec(CodecIdentity.of(FakeCodec()))


def test_a_bank_is_written_and_read(tmp_path: Path) -> None:
    sounds = [Sound("cough", "me.wav, CC0", ((1, 2), (3, 4))), Sound("laugh", None, ((5, 6),))]
    bank = make_bank("abc", sounds)
    save_bank(tmp_path / "bank.json", bank)
    assert load_bank(tmp_path / "bank.json") == bank
    assert list(bank.sounds) == ["laugh", "cough"]
    assert not bank.simulated("cough") and bank.simulated("laugh")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("codec"),
        lambda data: data["sounds"][0].update(label="bark"),
        lambda data: data["sounds"][0].update(units=[]),
        lambda data: data["sounds"][0].update(units=[[1, 2], [3]]),
        lambda data: data["sounds"][0].update(units=[[1, "2"]]),
        lambda data: data["sounds"][0].pop("source"),
    ],
)
def test_a_damaged_bank_is_refused(change, tmp_path: Path) -> None:
    data = {"codec": "abc", "sounds": [{"label": "laugh", "source": None, "units": [[1, 2]]}]}
    change(data)
    (tmp_path / "bank.json").write_text(json.dumps(data))
    with pytest.raises(WeightsError, match="is damaged"):
        load_bank(tmp_path / "bank.json")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_bank(tmp_path / "absent.json")
