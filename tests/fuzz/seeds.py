"""Small valid inputs of each target, for the fuzzer to change: `python tests/fuzz/seeds.py` writes them to the corpus.

Audio is a synthetic tone. What an encoder makes of it is never twice the same (time stamps, serial numbers), so those
files are left as they are if they exist.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes import FakeCodec
from fuzz.targets import FRAMES, SUFFIXES, VOCABULARIES
from hybrid_tok import formats
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.audio import SourceInfo
from hybrid_tok.core.timeline import Span
from hybrid_tok.options import written_options
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.container import Header, HybridFile, write_file
from hybrid_tok.tokens.idspace import VocabularyOptions
from hybrid_tok.tokens.stream import Back, Channel, EventItem, HybridStream, Pause, Prosody, TextItem, Turn, UnitItem
from hybrid_tok.tokens.text import load_text_tokenizer
from hybrid_tok.tokens.vocabulary import Vocabulary

CORPUS = Path(__file__).parent / "corpus"

HEARD = Annotations(
    frames=FRAMES,
    speech=(Span(3, 120),),
    active=(Span(0, 490),),
    words=(
        Word("hello", Span(5, 25), 0.875, 0),
        Word('"there"', Span(25, 47), 0.5, 1),
        Word("你好", Span(300, 300), 1.0, 1),
    ),
    events=(Event("laugh", Span(130, 190), 0.75),),
    turns=(SpeakerTurn(0, Span(3, 120)), SpeakerTurn(1, Span(20, 480))),
)
TIMED = {"start": 0.1, "end": 0.5}
JSONS = {
    "whisperx": {
        "segments": [
            {**TIMED, "text": "a 2", "words": [{**TIMED, "word": "a", "score": 0.5, "speaker": "S"}, {"word": "2"}]}
        ]
    },
    "whisper_cpp": {
        "transcription": [
            {
                "offsets": {"from": 0, "to": 900},
                "text": " a b",
                "tokens": [
                    {"text": "[_BEG_]"},
                    {"text": " a", "offsets": {"from": 0, "to": 500}, "p": 0.5},
                    {"text": " b"},
                ],
            }
        ]
    },
    "faster_whisper": [
        {**TIMED, "text": " a b", "words": [{**TIMED, "word": " a", "probability": 0.5}, [0.1, 0.5, "b", 0.5]]}
    ],
    "nemo_manifest": {
        "audio_filepath": "talk.wav",
        "offset": 0.5,
        "timestamps_word": [{**TIMED, "word": "a"}],
        "word_confidence": [0.5],
    },
    "seglst": [{"session_id": "talk", "speaker": "s", "start_time": 0.1, "end_time": 0.5, "words": "a b"}],
}
HANDMADE = {
    ".vtt": "WEBVTT\n\nNOTE x\n\n1\n00:01.000 --> 00:02.000 line:1\n<v Ann>Hi <b>a</b> &amp; <00:01.500>b [laughs]\n",
    ".tsv": "start\tend\ttext\n0\t1000\tHello there\n1000\t2000\tyou\n",
    ".TextGrid": 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n10\n<exists>\n1\n"IntervalTier"\n"words"\n'
    '0\n10\n2\n0\n1\n"a ""b"""\n1\n10\n""\n',
    ".rttm": "SPEAKER talk 1 0.1 1.0 <NA> <NA> a <NA> <NA>\nNON-LEX talk 1 0.2 0.3 <NA> laugh <NA> <NA> <NA>\n",
}
ANNOTATIONS: list[tuple[str, bytes]] = [
    *((one.suffix, one.text(HEARD, "talk", 10.0).encode()) for one in formats.FORMATS.values()),
    *((".json", json.dumps(value, indent=1).encode()) for value in JSONS.values()),
    *((suffix, text.encode()) for suffix, text in HANDMADE.items()),
    (".srt", formats.FORMATS["srt"].text(HEARD, "talk", 10.0).encode("utf-16")),
]
"""Suffix and content of a file of every format."""

SCRIPTS = (
    "So funny <laugh> I can't. <speaker:1> Me neither [sighs] (coughs)",
    r"\<laugh> 你好 <|Laughter|> a < b <3 <breath/> <speaker: 0> <clear throat>",
    "<chukle>",
)


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Target, name and content of each."""
    for number, options in enumerate(VOCABULARIES):
        vocabulary = Vocabulary(options, load_text_tokenizer())
        given = vocabulary.encode(_stream(options))
        parts = [next(part for part in enumerate(vocabulary.ranges) if token in part[1]) for token in given]
        spelled = [(at, token - part.start) for token, (at, part) in zip(given, parts, strict=True)]
        content = np.array(spelled, [("range", "u1"), ("number", "<u2")]).tobytes()
        yield "ids", f"{options.layout}-{options.timing}-{number}", bytes([number]) + content
    for layout in ("hybrid", "text", "units"):
        for timing in ("locked", "free"):
            yield "container", f"{layout}-{timing}.hyt", _file(layout, timing)
    counts: dict[str, int] = {}
    for suffix, content in ANNOTATIONS:
        kind = suffix.rpartition(".")[2].lower()
        counts[kind] = counts.get(kind, 0) + 1
        known = [one.lower() for one in SUFFIXES]
        yield "annotations", f"{kind}-{counts[kind]}", bytes([known.index(suffix.lower())]) + content
    for number, text in enumerate(SCRIPTS):
        yield "script", f"script-{number}", text.encode()
    for name, content in _recordings():
        yield "audio", name, content


def _stream(options: VocabularyOptions) -> HybridStream:
    """A stream with everything that a vocabulary can spell."""
    locked = options.timing == "locked"
    frame = (1,) * options.num_codebooks
    zero = (0,) * options.num_codebooks
    units = UnitItem((frame, zero, zero, zero))
    if options.layout == "units":
        channels = (Channel((Turn(0, (units,)), Turn(1, (units, units)))), Channel((Turn(1, (units,)),)))
        return HybridStream(channels, options.timing, 7 if locked else None)
    made = () if options.layout == "text" else (frame, zero)
    prosody = Prosody(1, 2, 3) if options.prosody else None
    duration = 40 if locked else None
    first = [TextItem("so funny", duration, prosody, language="en"), EventItem("laugh", made)]
    second = [TextItem("你好", duration, None, language="zh")]
    turns = [
        Turn(0, tuple([*first, Pause(9)] if locked else first), tuple(range(16))),
        Turn(3, tuple([Back(5), *second] if locked else second)),
        Turn(0, (units,) if options.layout == "hybrid" else ()),
    ]
    return HybridStream((Channel(tuple(turns)),), options.timing, 11 if locked else None)


def _file(layout: str, timing: str) -> bytes:
    """A `.hyt` file as `tokenizer.save` writes it, of the codec that the target has."""
    codec = FakeCodec(codebook_size=16, num_codebooks=2)
    options = {"layout": layout, "timing": timing, "run_length": layout == "hybrid"}
    prosody = "word" if layout == "hybrid" else "none"
    made = HybridTokenizer.from_preset("default", **options, prosody=prosody)
    tokenizer = HybridTokenizer(made.preset, made.options, backends={"codec": codec})
    stream = _stream(tokenizer.vocabulary.options)
    frames = stream.frames if timing == "locked" else 50
    source = SourceInfo(16_000, (frames - 1) * codec.hop + (stream.remainder or 0), 1)
    held = written_options(tokenizer.options) | {"num_codebooks": 2}
    header = Header("default", held, dict(tokenizer.vocabulary.fingerprint), source, codec.sample_rate)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.hyt"
        write_file(path, HybridFile(header, tuple(tokenizer.vocabulary.encode(stream))))
        return path.read_bytes()


def _recordings() -> Iterator[tuple[str, bytes]]:
    import soundfile

    rate = 8_000
    times = np.arange(rate // 20) / rate
    tone = (0.3 * np.sin(2 * np.pi * 330.0 * times)).astype(np.float32)
    both = np.stack([tone, -0.5 * tone], 1)
    for name, kind, subtype, samples in (
        ("pcm16.wav", "WAV", "PCM_16", tone),
        ("float-stereo.wav", "WAV", "FLOAT", both),
        ("mulaw.wav", "WAV", "ULAW", tone),
        ("adpcm.wav", "WAV", "IMA_ADPCM", tone),
        ("gsm.wav", "WAV", "GSM610", tone),
        ("pcm24.wavex", "WAVEX", "PCM_24", both),
        ("pcm16.rf64", "RF64", "PCM_16", tone),
        ("pcm16.w64", "W64", "PCM_16", tone),
        ("pcm16.aiff", "AIFF", "PCM_16", tone),
        ("alaw.au", "AU", "ALAW", tone),
        ("alac.caf", "CAF", "ALAC_16", both),
        ("flac.flac", "FLAC", "PCM_16", both),
        ("vorbis.ogg", "OGG", "VORBIS", tone),
        ("opus.ogg", "OGG", "OPUS", tone),
        ("mp3.mp3", "MP3", "MPEG_LAYER_III", tone),
        ("pcm16.mat", "MAT5", "PCM_16", tone),
        ("pcm16.nist", "NIST", "PCM_16", tone),
        ("pcm16.voc", "VOC", "PCM_16", tone),
    ):
        file = io.BytesIO()
        soundfile.write(file, samples, rate, format=kind, subtype=subtype)
        yield name, file.getvalue()
    for name, kind, codec in (
        ("aac.m4a", "mp4", "aac"),
        ("opus.webm", "webm", "libopus"),
        ("flac.mka", "matroska", "flac"),
        ("aac.adts", "adts", "aac"),
        ("mp3.avi", "avi", "libmp3lame"),
        ("wma.asf", "asf", "wmav2"),
        ("adpcm-ms.wav", "wav", "adpcm_ms"),
        ("flac.ogg", "ogg", "flac"),
        ("alac.mov", "mov", "alac"),
    ):
        yield name, _by_ffmpeg(kind, codec)


def _by_ffmpeg(kind: str, codec: str) -> bytes:
    """A tone of 0.1 s at 16 kHz."""
    import av

    rate = 16_000
    tone = (9_000 * np.sin(2 * np.pi * 330.0 * np.arange(rate // 10) / rate)).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout, stream.bit_rate = "mono", 32_000
        frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def write_seeds(corpus: Path = CORPUS) -> None:
    """Write them, each into the folder of its target."""
    for target, name, content in seeds():
        path = corpus / target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if target != "audio" or not path.exists():
            path.write_bytes(content)


if __name__ == "__main__":
    write_seeds()
