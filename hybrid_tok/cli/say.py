"""`hybrid-tok say`: text with tags to speech."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_tok.audio import write_wav
from hybrid_tok.cli.options import takes_options
from hybrid_tok.cli.paths import Force, check_target
from hybrid_tok.cli.progress import stage_progress
from hybrid_tok.cli.voices import VoiceOption, fallbacks, read_voices
from hybrid_tok.errors import TextError
from hybrid_tok.sounds.bank import load_bank
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.stream import EventItem, HybridStream


@takes_options("num_codebooks", "synthesizer", "device")
def say(
    text: Annotated[str, typer.Argument(help="What to say, with tags such as <laugh> or <speaker:1>; - reads it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The WAV file to write; - is standard output.")],
    voice: VoiceOption = None,
    language: Annotated[str, typer.Option(help="Language of the text, such as en, de or zh.")] = "en",
    force: Force = False,
    seed: Annotated[int, typer.Option(help="Which example of a sound comes first.", min=0)] = 0,
    **options: Any,
) -> None:
    r"""Speak a text with tags: "so funny <laugh> I can't". A tag as text is written with a backslash: \<laugh>."""
    voices = read_voices(voice, default_speaker=0)
    target = check_target(output, voices.values(), force)
    with HybridTokenizer.from_preset(**options) as tokenizer:
        stream = tokenizer.script(_read(text), language=language, seed=seed)
        with stage_progress() as on_progress:
            decoded = tokenizer.decode_stream(stream, on_progress=on_progress, voices=voices)
        write_wav(target, decoded.audio)
    for line in fallbacks(decoded.spoken_by, tokenizer.synthesizer_name):
        typer.echo(line, err=True)
    if simulated := _simulated(stream):
        typer.echo(f"simulated, not recorded: {', '.join(simulated)}", err=True)
    typer.echo(f"wrote {target} ({decoded.audio.seconds:.2f} s at {decoded.audio.sample_rate} Hz)", err=True)


def _read(text: str) -> str:
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise TextError(f"standard input is not UTF-8 at byte {error.start}: convert it first") from None


def _simulated(stream: HybridStream) -> list[str]:
    """The tags of a stream whose sounds are simulated."""
    bank = load_bank()
    items = (item for channel in stream.channels for turn in channel.turns for item in turn.items)
    tags = (f"<{item.label}>" for item in items if isinstance(item, EventItem) and bank.simulated(item.label))
    return list(dict.fromkeys(tags))
