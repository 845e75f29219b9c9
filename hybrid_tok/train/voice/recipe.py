"""Makes the voice space that ships with hybrid-tok: table, prosody of each language, and estimator of voice codes.

    hybrid-tok train voice-space --voices kokoro-js/voices --data ../shared/audio/train --out DIR

Kokoro speaks at random points of the space; what it spoke lies in DIR and is used again, as it is and over other
microphones. Real speakers are only needed for how their features differ from Kokoro's on average, and from one
recording to the next.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.arrays import save_arrays
from hybrid_tok.train.voice.channels import recorded
from hybrid_tok.train.voice.fit import Measured, Measurement, fit_estimator
from hybrid_tok.train.voice.renderings import COMPONENTS, RATE, Speaker, read_renderings, render
from hybrid_tok.train.voice.table import read_voices, voice_table
from hybrid_tok.voice.code import COORDINATES
from hybrid_tok.voice.features import spectral_features
from hybrid_tok.voice.measure import FEWEST_VOICED, pitch_statistics, syllable_rate
from hybrid_tok.voice.pitch import HOP_SECONDS, track_pitch
from hybrid_tok.voice.space import Prosody, VoiceSpace

SOURCES = ("aishell1", "librispeech", "speechocean762")
"""Data sets of real speakers, by their name in the manifest."""

LANGUAGES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "en": (
            ("af_heart", "am_michael"),
            (
                "The north wind and the sun argued about which of them was the stronger.",
                "At last the traveller took off his coat, for the day had become quite warm.",
                "We had no idea how far it was to the next village, so we asked an old man.",
                "She bought three apples, a loaf of bread and some milk on her way home.",
            ),
        ),
        "es": (
            ("ef_dora",),
            (
                "El viento del norte y el sol discutían sobre quién de los dos era el más fuerte.",
                "Compró tres manzanas, una barra de pan y un poco de leche de camino a casa.",
                "No sabíamos a qué distancia estaba el pueblo, así que preguntamos a un anciano.",
            ),
        ),
        "fr": (
            ("ff_siwis",),
            (
                "Le vent du nord et le soleil se disputaient pour savoir lequel était le plus fort.",
                "Elle a acheté trois pommes, du pain et un peu de lait en rentrant chez elle.",
                "Nous ne savions pas où était le village, alors nous avons demandé à un vieil homme.",
            ),
        ),
        "hi": (
            ("hf_alpha",),
            (
                "उत्तरी हवा और सूरज में बहस हो रही थी कि कौन अधिक बलवान है।",
                "घर लौटते समय उसने तीन सेब, रोटी और थोड़ा दूध खरीदा।",
                "हमें नहीं पता था कि अगला गाँव कितनी दूर है।",
            ),
        ),
        "it": (
            ("if_sara",),
            (
                "Il vento del nord e il sole discutevano su chi dei due fosse il più forte.",
                "Tornando a casa ha comprato tre mele, del pane e un po' di latte.",
                "Non sapevamo quanto fosse lontano il paese, così abbiamo chiesto a un vecchio.",
            ),
        ),
        "pt": (
            ("pf_dora",),
            (
                "O vento norte e o sol discutiam sobre qual dos dois era o mais forte.",
                "No caminho para casa ela comprou três maçãs, pão e um pouco de leite.",
                "Não sabíamos a que distância ficava a aldeia, então perguntamos a um velho.",
            ),
        ),
        "zh": (
            ("zm_yunjian",),
            (
                "北风和太阳在争论谁的本领更大。",
                "她在回家的路上买了三个苹果、一些面包和牛奶。",
                "我们不知道下一个村子有多远，所以问了一位老人。",
            ),
        ),
    }
)
"""The voices whose prosody a language is spoken with, the usual one first, and sentences on which they are measured."""

TIMBRE_SHARES: Mapping[str, float] = MappingProxyType({"en": 0.25, "zh": 0.4})
"""`Prosody.timbre_share` of the languages in which it was measured to help."""

_LENGTHS = (35, 60)
"""Characters of the texts that clips are cut from."""

_TEXTS = 60
_COPIES = 3
"""Of each clip that Kokoro spoke, over other microphones."""

_HALF_SECONDS = 7.0
"""Of each of the two recordings of a real speaker, at most."""

_SHORTEST_HALF = 3.0


@dataclass(frozen=True, slots=True)
class TrainVoiceOptions:
    """The recipe's inputs and choices.

    Attributes:
        voices: folder of Kokoro's published voices, NAME.bin.
        data: folder of clips with a `manifest.jsonl` that names speakers.
        out: folder for what Kokoro speaks, and for `space.safetensors` with its description.
        renderings: clips that it speaks; each has a voice of its own.
        seed: of these voices.
    """

    voices: Path
    data: Path
    out: Path
    renderings: int = 600
    seed: int = 7


def train(options: TrainVoiceOptions, tell: Callable[[str], None] = print) -> Path:
    """Make the space; returns the path of its file.

    Raises:
        OptionsError: the voices or the data are not there.
        ModelError, BackendError: see `KokoroSynthesizer`.
    """
    from hybrid_tok.backends.espeak_phonemes import EspeakPhonemes

    names, styles = read_voices(options.voices)
    clips = read_manifest(options.data)
    table = voice_table(styles, COMPONENTS)
    rows = table["row_weights"] @ table["row_basis"]
    speaker = Speaker(VoiceSpace("", names, table["styles"], rows, table["basis"], {}), EspeakPhonemes())
    folder = options.out / "renderings"
    render(speaker, _texts(clips), folder, options.renderings, options.seed, tell)
    network = SpeakerEncoder()
    spoken = [
        (measured, rendering.point)
        for number, rendering in enumerate(read_renderings(folder))
        for samples in (rendering.samples, *_copies(rendering.samples, options.seed, number))
        if (measured := _measure(samples, network)) is not None
    ]
    tell(f"{len(spoken)} clips measured")
    first, second = zip(*_halves(clips, network), strict=True)
    tell(f"{len(first)} real speakers measured")
    estimator = fit_estimator(
        Measured.of([measured for measured, _ in spoken]),
        np.stack([point for _, point in spoken]),
        Measured.of(first),
        Measured.of(second),
        COORDINATES,
    )
    arrays = table | {"basis": table["basis"][:COORDINATES]}
    arrays |= {name: getattr(estimator, name) for name in ("usual", "scale", "weights")}
    about = {
        "names": list(names),
        "languages": {language: _prosodies(speaker, language) for language in LANGUAGES},
        "doubt": round(estimator.doubt, 3),
    }
    path = options.out / "space.safetensors"
    save_arrays(path, arrays, about)
    return path


def _texts(clips: list[Clip]) -> list[str]:
    """Texts to speak, evenly over those of the data that are of the right length and plain letters."""
    texts = sorted({clip.text.lower() for clip in clips if clip.text and re.fullmatch(r"[A-Za-z' ]+", clip.text)})
    chosen = [text for text in texts if _LENGTHS[0] <= len(text) <= _LENGTHS[1]]
    if len(chosen) < _TEXTS:
        raise OptionsError(f"the data has {len(chosen)} texts of {_LENGTHS} characters: at least {_TEXTS} are needed")
    return [chosen[index * len(chosen) // _TEXTS] for index in range(_TEXTS)]


def _copies(samples: NDArray[np.float32], seed: int, number: int) -> Iterator[NDArray[np.float32]]:
    """A clip over other microphones."""
    for copy in range(_COPIES):
        yield recorded(samples, np.random.default_rng([seed, number, copy]))


def _measure(samples: NDArray[np.float32], network: SpeakerEncoder) -> Measurement | None:
    """What is measured on a clip; None where nobody speaks."""
    track = track_pitch(samples, RATE)
    if np.count_nonzero(track.voiced) < FEWEST_VOICED:
        return None
    features = spectral_features(samples, RATE, track)
    return Measurement(features, pitch_statistics(track)[0], network.embed(samples))


def _halves(clips: list[Clip], network: SpeakerEncoder) -> Iterator[tuple[Measurement, Measurement]]:
    """What is measured on two recordings of each real speaker, or on the halves of one."""
    of: defaultdict[str, list[Path]] = defaultdict(list)
    for clip in clips:
        if clip.source in SOURCES and clip.speaker:
            of[clip.speaker].append(clip.path)
    for _, paths in sorted(of.items()):
        parts: list[NDArray[np.float32]] = []
        for path in paths:
            if sum(map(len, parts)) < 2 * _HALF_SECONDS * RATE:
                parts.append(read_mono(path, RATE)[0].samples)
        samples = np.concatenate(parts)[: round(2 * _HALF_SECONDS * RATE)]
        half = len(samples) // 2
        if half < _SHORTEST_HALF * RATE:
            continue
        first, second = _measure(samples[:half], network), _measure(samples[half:], network)
        if first is not None and second is not None:
            yield first, second


def _prosodies(speaker: Speaker, language: str) -> list[dict[str, Any]]:
    """What speech in a language is like when nothing is changed, in each of its voices."""
    voices, texts = LANGUAGES[language]
    share = TIMBRE_SHARES.get(language, 0.0)
    return [asdict(replace(_prosody(speaker, voice, texts, language), timbre_share=share)) for voice in voices]


def _prosody(speaker: Speaker, voice: str, texts: Sequence[str], language: str) -> Prosody:
    spoken = []
    for text in texts:
        tokens = speaker.read(text, language)
        style = speaker.space.style({voice: 1.0}, len(tokens) - 2)
        spoken.append(speaker.speak(speaker.contours(tokens, voice), style))
    track = track_pitch(np.concatenate(spoken), RATE)
    pitch, pitch_range = pitch_statistics(track)
    rate = syllable_rate(track, round(HOP_SECONDS * RATE))
    return Prosody(voice, round(pitch, 2), round(pitch_range, 3), round(rate, 3))
