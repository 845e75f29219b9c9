"""`hybrid-tok say`: text with tags to a WAV file; bad texts, voices and languages are one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from typer.testing import CliRunner

from fakes import FakeCodec, FakeSynthesizer
from hybrid_tok.cli.main import app
from hybrid_tok.cli.voices import fallbacks, read_voices
from hybrid_tok.errors import BackendError, HybridTokError, OptionsError, SpeechWarning
from hybrid_tok.presets import find_preset
from hybrid_tok.registry import BackendEntry
from hybrid_tok.sounds.bank import Sound, load_bank, make_bank
from hybrid_tok.tokenizer import HybridTokenizer, TokenizerOptions


@pytest.fixture
def synthesizer(monkeypatch: pytest.MonkeyPatch) -> FakeSynthesizer:
    """What speaks, whichever synthesizer is asked for."""
    fake = FakeSynthesizer()
    make = BackendEntry.make
    monkeypatch.setattr(
        BackendEntry, "make", lambda entry, **given: fake if entry.stage == "synthesizer" else make(entry, **given)
    )
    return fake


def say(*arguments: str, text: str | bytes | None = None) -> Any:
    return CliRunner().invoke(app, ["say", *arguments], input=text)


def samples_of(path: Path) -> NDArray[np.float64]:
    samples, rate = soundfile.read(path)
    assert rate == 16_000
    return samples


def test_words_are_spoken_and_tags_sound(synthesizer: FakeSynthesizer, tmp_path: Path) -> None:
    wav = tmp_path / "s.wav"
    result = say("so funny <laugh> I can't <cough>", "-o", str(wav))
    assert result.exit_code == 0, result.output
    assert [one.words for one in synthesizer.spoken] == [("so", "funny"), ("I", "can't")]
    assert {one.language for one in synthesizer.spoken} == {"en"}
    assert "simulated, not recorded: <laugh>\n" in result.output
    words = sum(synthesizer.duration(word) for word in ("so", "funny", "I", "can't"))
    frames = sum(len(load_bank().sounds[label][0].units) for label in ("laugh", "cough"))
    assert len(samples_of(wav)) == words + 320 * frames + 3 * 960
    again, other = tmp_path / "again.wav", tmp_path / "other.wav"
    assert say("so funny <laugh> I can't <cough>", "-o", str(again)).exit_code == 0
    assert say("so funny <laugh> I can't <cough>", "-o", str(other), "--seed", "1").exit_code == 0
    assert wav.read_bytes() == again.read_bytes() != other.read_bytes()


def test_standard_input_voices_and_language(synthesizer: FakeSynthesizer, tmp_path: Path) -> None:
    wav = str(tmp_path / "s.wav")
    result = say(
        "-", "-o", wav, "--language", "de", "--voice", "af_heart:0.6+am_onyx:0.4", "--voice", "1=am_onyx",
        text="Grüße <speaker:1> zurück",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [(one.words, one.voice, one.language) for one in synthesizer.spoken] == [
        (("Grüße",), "af_heart:0.6+am_onyx:0.4", "de"),
        (("zurück",), "am_onyx", "de"),
    ]
    assert "German has no Kokoro voice: spoken by espeak" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a <lauhg>",), "no tag is called <lauhg>: did you mean <laugh>"),
        (("a (burps)",), "no sound for 'other'"),
        (("",), "nothing to say"),
        (("a", "--language", "xx"), "no language has the code 'xx'"),
        (("a", "--language", "German"), "it is 'de' here"),
        (("a", "--voice", "nobody.wav"), "no file, and no voice"),
        (("a", "--voice", "af_hart"), "af_heart"),
        (("a", "--voice", "af_heart:0.6+am_onyx:0.6"), "add up"),
        (("a", "--voice", "1=af_heart"), "no speaker 1"),
        (("a", "--voice", "af_heart", "--voice", "0=am_onyx"), "twice for speaker 0"),
        (("a", "--codebooks", "9"), "num_codebooks must be"),
        (("-",), "not UTF-8 at byte 1"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    synthesizer: FakeSynthesizer, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = say(*arguments, "-o", str(tmp_path / "s.wav"), text=b"a\xff")
    assert isinstance(result.exception, HybridTokError)
    assert message in str(result.exception) and "\n" not in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_only_sounds_and_only_signs(synthesizer: FakeSynthesizer, tmp_path: Path) -> None:
    wav = tmp_path / "s.wav"
    assert say("<sigh>", "-o", str(wav), "--force").exit_code == 0
    assert synthesizer.spoken == [] and len(samples_of(wav)) == 320 * len(load_bank().sounds["sigh"][0].units)
    with pytest.warns(SpeechWarning, match="can be spoken"):
        assert say("\N{GRINNING FACE}", "-o", str(wav), "--force").exit_code == 0
    assert not samples_of(wav).any()
    assert say("x" * 10_000, "-o", str(wav), "--force").exit_code == 0


def test_the_units_of_a_script_are_those_of_the_vocabulary() -> None:
    for codebooks in (1, 4):
        tokenizer = HybridTokenizer(find_preset("default"), TokenizerOptions(num_codebooks=codebooks, timing="free"))
        stream = tokenizer.script("ha <laugh> ha <laugh>", seed=1)
        assert tokenizer.vocabulary.decode(tokenizer.vocabulary.encode(stream)) == stream
        laughs = load_bank().sounds["laugh"]
        (turn,) = stream.channels[0].turns
        wanted = [laughs[number % len(laughs)].units for number in (1, 2)]
        assert (
            [item.units for item in turn.items[1::2]]
            == [  # pyright: ignore[reportAttributeAccessIssue]
                tuple(frame[:codebooks] for frame in units) for units in wanted
            ]
        )


def test_another_codec_speaks_words_and_sounds_of_its_own_bank() -> None:
    tokenizer = HybridTokenizer(find_preset("default"), TokenizerOptions(), backends={"codec": FakeCodec()})
    assert tokenizer.script("no tags").channels[0].turns
    with pytest.raises(BackendError, match="give it as bank="):
        tokenizer.script("ha <laugh>")
    own = make_bank("fake-codec-1", [Sound("laugh", None, ((1, 2, 3, 4),))])
    assert tokenizer.script("<laugh>", bank=own).frames == 1


def test_voices_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "other.wav").touch()
    other = str(tmp_path / "other.wav")
    assert read_voices(None) == {}
    assert read_voices([f"3={other}", "0=bf_emma"]) == {3: other, 0: "bf_emma"}
    assert read_voices([other], default_speaker=0) == {0: other}
    with pytest.raises(OptionsError, match="takes a speaker and a voice"):
        read_voices(["af_heart"])


def test_a_fallback_is_a_line() -> None:
    assert fallbacks({"en": "kokoro", "yue": "espeak", None: "kokoro"}, "kokoro") == [
        "Cantonese has no Kokoro voice: spoken by espeak"
    ]
    assert fallbacks({"yue": "espeak"}, "espeak") == []


def test_what_is_said_is_heard(tmp_path: Path) -> None:
    """A real run: Kokoro's words and the laugh between them, and no word for the tag."""
    wav = tmp_path / "s.wav"
    command = [sys.executable, "-m", "hybrid_tok", "say", "This is very funny. <laugh> We had better stop.", "-o", wav]
    result = subprocess.run(command, capture_output=True, timeout=300)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stderr.decode().splitlines()[0] == "simulated, not recorded: <laugh>"
    with HybridTokenizer.from_preset(language="en") as tokenizer:
        heard = tokenizer.annotate(wav)
    words = " ".join(word.text for word in heard.words).lower()
    assert "this is very funny" in words and "better stop" in words
    assert words.count("laugh") == 0
    assert "laugh" in {event.label for event in heard.events}
