"""The command line as users see it: real files, real exit codes, one line per error, nothing half-written."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from command_line import run, run_alone

from hybrid_tok.bench.words import judge
from hybrid_tok.cli.main import app
from hybrid_tok.core.interfaces import STAGES
from hybrid_tok.options import TokenizerOptions
from real_audio import recording


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a gliding tone between silences: audible activity without words."""
    rate = 22_050
    time = np.arange(2 * rate) / rate
    samples = 0.3 * np.sin(2 * np.pi * (200 + 100 * time) * time) * (np.abs(time - 1) < 0.5)
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, samples, rate)
    return path


def test_round_trip_writes_three_files_at_the_input_rate_and_length(talk: Path, tmp_path: Path) -> None:
    result = run("roundtrip", talk, "-o", tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    assert "tokens/s" in result.stdout.decode()
    audio, rate = soundfile.read(tmp_path / "talk.roundtrip.wav")
    assert (rate, len(audio)) == (22_050, 44_100)
    assert (tmp_path / "talk.transcript.txt").read_text("utf-8").startswith("speaker 0:")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "talk.hyt",
        "talk.roundtrip.wav",
        "talk.transcript.txt",
    ]


def test_encode_show_decode_and_two_runs_are_identical(talk: Path, tmp_path: Path) -> None:
    first, second, wav = tmp_path / "a.hyt", tmp_path / "b.hyt", tmp_path / "a.wav"
    assert run("encode", talk, "-o", first).returncode == 0
    assert run_alone("encode", talk, "-o", second).returncode == 0
    assert first.read_bytes() == second.read_bytes()
    shown = run("show", first)
    assert b"<|speaker:0|>" in shown.stdout
    assert json.loads(run("show", first, "--json").stdout)["header"]["source"]["num_samples"] == 44_100
    assert run("decode", first, "-o", wav).returncode == 0
    assert soundfile.info(wav).frames == 44_100


@pytest.mark.parametrize(
    "options", [("--layout", "units", "--codebooks", "1"), ("--timing", "free"), ("--run-length",)]
)
def test_a_file_is_decoded_with_the_options_it_was_written_with(
    talk: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    tokens, wav = tmp_path / "a.hyt", tmp_path / "a.wav"
    assert run("encode", talk, "-o", tokens, *options).returncode == 0
    result = run("decode", tokens, "-o", wav)
    assert result.returncode == 0, result.stderr.decode()
    assert soundfile.info(wav).frames > 0


def test_standard_input(talk: Path, tmp_path: Path) -> None:
    result = run("encode", "-", cwd=tmp_path, stdin=talk.read_bytes())
    assert result.returncode == 0, result.stderr.decode()
    assert (tmp_path / "stdin.hyt").exists()


def test_info_lists_presets_and_ranges() -> None:
    result = run("info")
    assert result.returncode == 0
    assert b"default" in result.stdout and b"espeak" in result.stdout
    parsed = json.loads(run("info", "--json").stdout)
    assert parsed["ranges"][-1]["stop"] == parsed["vocabulary_size"]


def bad_inputs(folder: Path) -> dict[str, Path]:
    """Files that cannot be encoded, each for its own reason."""
    (folder / "text.wav").write_text("this is no recording\n")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "whole.wav", np.zeros(16_000, np.float32), 16_000)
    (folder / "truncated.wav").write_bytes((folder / "whole.wav").read_bytes()[:10_000])
    samples = np.zeros(1_600, np.float32)
    samples[7] = np.nan
    soundfile.write(folder / "nan.wav", samples, 16_000, subtype="FLOAT")
    samples[7] = np.inf
    soundfile.write(folder / "inf.wav", samples, 16_000, subtype="FLOAT")
    names = ("text", "empty", "truncated", "nan", "inf", "absent")
    return {name: folder / f"{name}.wav" for name in names} | {"folder": folder}


@pytest.mark.parametrize("name", ["text", "empty", "truncated", "nan", "inf", "absent", "folder"])
def test_bad_input_is_one_line_and_exit_code_2_and_touches_nothing(name: str, tmp_path: Path) -> None:
    path = bad_inputs(tmp_path)[name]
    output = tmp_path / "out.hyt"
    output.write_bytes(b"precious")
    result = run("encode", path, "-o", output, "--force")
    message = result.stderr.decode()
    assert result.returncode == 2
    assert message.count("\n") == 1 and str(path) in message, message
    assert "Traceback" not in message
    assert output.read_bytes() == b"precious"


def test_an_output_that_cannot_be_written_is_found_before_the_work(talk: Path, tmp_path: Path) -> None:
    for output in (tmp_path / "absent" / "a.hyt", tmp_path):
        result = run("encode", talk, "-o", output)
        assert result.returncode == 2
        assert result.stderr.decode().count("\n") == 1 and str(tmp_path) in result.stderr.decode()


@pytest.mark.parametrize("samples, rate, channels", [(0, 16_000, 1), (160, 16_000, 1), (19_200, 192_000, 8)])
def test_odd_but_valid_recordings_work(samples: int, rate: int, channels: int, tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    soundfile.write(path, np.full((samples, channels), 0.01, np.float32), rate, subtype="FLOAT")
    result = run("roundtrip", path, "-o", tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    assert soundfile.info(tmp_path / "odd.roundtrip.wav").frames == samples


def test_damaged_token_files_are_refused(talk: Path, tmp_path: Path) -> None:
    tokens, wav = tmp_path / "a.hyt", tmp_path / "a.wav"
    assert run("encode", talk, "-o", tokens).returncode == 0
    whole = tokens.read_bytes()
    for damaged in (whole[:-1], whole[: len(whole) // 2], b"", whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]):
        tokens.write_bytes(damaged)
        result = run("decode", tokens, "-o", wav)
        assert result.returncode == 2
        assert result.stderr.decode().count("\n") == 1 and str(tokens) in result.stderr.decode()
        assert not wav.exists()


def test_a_whole_conversation(tmp_path: Path) -> None:
    dialogue = recording("dialogues/dialogue03.flac")
    result = run("roundtrip", dialogue, "-o", tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    info = soundfile.info(tmp_path / "dialogue03.roundtrip.wav")
    assert info.frames == soundfile.info(dialogue).frames
    turns = json.loads(dialogue.with_suffix(".json").read_text("utf-8"))["turns"]
    written = (tmp_path / "dialogue03.transcript.txt").read_text("utf-8")
    assert "[units" in written
    assert written.startswith("speaker 0:") and "speaker 1:" in written
    said = judge([re.sub(r"\[.*?\]|<.*?>|\(.*?\)|speaker \d:", "", written)], " ".join(turn["text"] for turn in turns))
    assert said.errors / said.said < 0.4


def test_a_channel_per_speaker(tmp_path: Path) -> None:
    samples = np.zeros((2, 128_000), np.float32)
    for channel, path in enumerate(("dev/ljspeech/LJ001-0014.flac", "dev/librispeech/1688-142285-0000.flac")):
        clip, _ = soundfile.read(recording(path), stop=64_000, dtype="float32")
        samples[channel, 64_000 * channel : 64_000 * channel + len(clip)] = clip
    stereo, words = tmp_path / "stereo.wav", tmp_path / "stereo.ctm"
    soundfile.write(stereo, samples.T, 16_000)
    words.write_text("stereo 1 1.0 0.3 left 1.0\nstereo 1 6.0 0.3 right 1.0\n")
    options = ("--diarize-channels", "separate", "--words", words)
    made = run("encode", stereo, "-o", tmp_path / "s.hyt", *options)
    assert made.returncode == 0, made.stderr.decode()
    shown = run("show", tmp_path / "s.hyt").stdout.decode()
    assert 0 <= shown.index("<|speaker:0|>") < shown.index("<|speaker:1|>")
    piped = run("encode", "-", "-o", tmp_path / "p.hyt", *options, stdin=stereo.read_bytes())
    assert piped.returncode == 0, piped.stderr.decode()
    soundfile.write(tmp_path / "mono.wav", samples[0], 16_000)
    for refused, message in (
        (run("encode", tmp_path / "mono.wav", *options[:-2]), "one channel"),
        (run("encode", stereo, *options, "--no-diarize"), "needs diarize"),
    ):
        assert refused.returncode == 2 and message in refused.stderr.decode()
        assert refused.stderr.decode().count("\n") == 1


def decoded(tokens: Path, wav: Path, *options: str) -> Path:
    result = run("decode", tokens, "-o", wav, "--force", *options)
    assert result.returncode == 0, result.stderr.decode()
    return wav


def test_voices_are_converted_and_bad_ones_refused(tmp_path: Path) -> None:
    source, other = recording("dev/ljspeech/LJ001-0002.flac"), recording("dev/aishell1/BAC009S0150W0020.flac")
    tokens, text = tmp_path / "talk.hyt", tmp_path / "talk.txt"
    text.write_text("in being comparatively modern")
    made = run(
        "encode", source, "-o", tokens, "--layout", "text", "--transcript", text, "--prosody", "word", "--no-events"
    )
    assert made.returncode == 0, made.stderr.decode()
    header = json.loads(run("show", tokens, "--json").stdout)["header"]["options"]
    assert (header["voice"], header["prosody"]) == (True, "word")
    spoken = [soundfile.read(decoded(tokens, tmp_path / "own.wav"))[0]]
    for voice in (str(other), "af_heart", "af_heart:0.6+am_onyx:0.4"):
        spoken.append(soundfile.read(decoded(tokens, tmp_path / "other.wav", "--voice", f"0={voice}"))[0])
    assert len({len(samples) for samples in spoken}) == 1
    assert all(np.abs(one - two).max() > 0.01 for one, two in combinations(spoken, 2))
    for voice, message in (
        ("other.wav", "--voice takes a speaker and a voice"),
        (f"7={other}", "no speaker 7 in the stream"),
        ("0=nowhere.wav", "no file, and no voice"),
        ("0=af_hart", "af_heart"),
        ("0=af_heart:0.5+am_onyx:0.6", "add up to 1.1"),
        (f"0={text}", "talk.txt"),
    ):
        failed = run("decode", tokens, "-o", tmp_path / "x.wav", "--voice", voice)
        assert failed.returncode == 2 and message in failed.stderr.decode()
        assert len(failed.stderr.decode().strip().splitlines()) == 1
        assert not (tmp_path / "x.wav").exists()
    assert b"twice" in run("decode", tokens, "--voice", f"0={other}", "--voice", f"0={other}").stderr


def parameters(command: str) -> dict[str, Any]:
    """The options of a command by the names that it receives them by."""
    group: Any = typer.main.get_command(app)
    return {parameter.name: parameter for parameter in group.commands[command].params}


def test_every_option_of_the_tokenizer_is_one_of_the_command_line() -> None:
    for command in ("encode", "decode", "roundtrip", "annotate"):
        given = parameters(command)
        for field in fields(TokenizerOptions):
            if field.name in given:
                assert given[field.name].default is None, f"{field.name}: what is left out is the preset's choice"
                shown = {None: False, False: False, True: field.name.replace("_", "-")}
                assert given[field.name].show_default == shown.get(field.default, str(field.default))
                assert given[field.name].help
        assert "backends" in given  # --set STAGE=BACKEND
    assert {field.name for field in fields(TokenizerOptions)} - set(STAGES) <= set(parameters("roundtrip"))


def test_no_command_takes_an_option_that_it_would_ignore() -> None:
    decoding = {"speak_as", "room_tone", "max_seconds"}
    listening = {"model", "language", "events", "diarize", "allow_truncated"}
    writing = {"layout", "rate_weight", "prosody", "voice"}
    encode, decode, annotate = (set(parameters(command)) for command in ("encode", "decode", "annotate"))
    assert listening | writing <= encode and not decoding & encode
    assert decoding <= decode and not (listening | writing) & decode
    assert listening <= annotate and not (decoding | writing) & annotate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--language", "English"), "it is 'en' here"),
        (("--model", "no-such-model"), "no Whisper model 'no-such-model'"),
        (("--model", "."), "is no CTranslate2 Whisper model"),
        (("--model", "tiny.en", "--language", "de"), "tiny.en does not know the language 'de'"),
        (("--preset", "embedded"), "there are: conversation, default"),
        (("--text-tokenizer", "nowhere.json"), "nowhere.json"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    source = recording("dev/ljspeech/LJ001-0002.flac")
    result = run("encode", source, "-o", tmp_path / "a.hyt", *options, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr.decode() and result.stderr.decode().count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_choices_are_those_of_the_options() -> None:
    result = run("encode", "a.wav", "--windows", "whole")
    assert result.returncode == 2
    assert all(word in result.stderr for word in (b"--windows", b"'whole'", b"'segment'", b"'packed'"))


def test_the_spoken_language_and_that_of_the_voice(tmp_path: Path) -> None:
    source, tokens = recording("dev/aishell1/BAC009S0150W0060.flac"), tmp_path / "a.hyt"
    made = run("encode", source, "-o", tokens, "--language", "zh", "--model", "base", "--layout", "text")
    assert made.returncode == 0, made.stderr.decode()
    assert b"<|lang:zh|>" in run("show", tokens).stdout
    header = json.loads(run("show", tokens, "--json").stdout)["header"]["options"]
    assert (header["language"], header["model"], header["diarize"]) == ("zh", "base", True)
    assert "speak_as" not in header
    wavs = [tmp_path / "zh.wav", tmp_path / "yue.wav"]
    assert run("decode", tokens, "-o", wavs[0]).returncode == 0
    cantonese = run("decode", tokens, "-o", wavs[1], "--speak-as", "yue")
    assert cantonese.returncode == 0 and b"Cantonese has no Kokoro voice: spoken by espeak\n" in cantonese.stderr
    first, second = (soundfile.read(wav)[0] for wav in wavs)
    assert len(first) == len(second) and np.abs(first - second).max() > 0.01
    refused = run("decode", tokens, "-o", tmp_path / "x.wav", "--speak-as", "lo")
    assert refused.returncode == 2 and b"espeak-ng has no voice for Lao" in refused.stderr


def test_the_demo_round_trips_what_it_says(tmp_path: Path) -> None:
    result = run("demo", "-o", tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    written = (tmp_path / "demo.transcript.txt").read_text("utf-8").lower()
    assert "about the tokenizer" in written and "tell me" in written and "600 tokens" in written
    assert "speaker 1:" in written
    assert soundfile.info(tmp_path / "demo.roundtrip.wav").frames == soundfile.info(tmp_path / "demo.wav").frames


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("encode",), "Missing argument"),
        (("encode", "--bogus", "x.wav"), "No such option"),
        (("nonsense",), "No such command"),
        (("decode", "a.hyt", "--max-seconds", "-1"), "greater than or equal to 0"),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    shown = result.stderr.decode()
    assert result.returncode == 2 and "Traceback" not in shown
    assert message in " ".join(re.sub(r"[^\w' -]", " ", shown).split()), shown
