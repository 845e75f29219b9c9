"""Words by NeMo's recognizers: CTC (Graves et al. 2006), transducers (RNN-T, Graves 2012; TDT, Xu et al. 2023).

Each window is recognized by itself, greedily: what is heard in one does not depend on the others.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.hearing import Heard, hear_windows
from hybrid_tok.backends.nemo.models import failing_as, find_nemo, fingerprint, nemo_class, quiet, restore
from hybrid_tok.core.annotations import Event, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import WindowRule
from hybrid_tok.core.languages import check_language
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.spacing import split_words
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.core.windows import Window, WindowOptions
from hybrid_tok.errors import BackendError, ModelError

SAMPLE_RATE = 16_000
_MODELS = "nemo.collections.asr.models"

_SHORTEST = SAMPLE_RATE // 2
"""Samples to which a shorter window is filled up with silence: the networks need a few frames."""


class NemoRecognizer:
    """A `Recognizer` by NeMo's CTC models, transducers and hybrids of both: Parakeet, FastConformer, Citrinet, ..

    A word's confidence is that of its least certain token: the token's probability, scaled so that a guess at random
    has 0. It tells sure words from unsure ones, but it is not calibrated (see `hybrid_tok.confidence`).

    Args:
        model: see `models.find_nemo`.
        device: of the networks.
        language: what the model was trained on; the words are marked with it. A model is not told a language.
        windows: how the recording is cut (`core.windows`).

    Raises:
        ModelError: the model is missing, damaged, or of another kind, such as Canary's, which has to be told languages.
        OptionsError: there is no such language, or no such rule of windows.
    """

    name = "nemo"

    def __init__(
        self, model: str, *, device: str = "cpu", language: str | None = None, windows: WindowRule = "segment"
    ) -> None:
        if language is not None:
            check_language(language)
        self.language, self.windows = language, WindowOptions.of(windows)
        path = find_nemo(model, "a recognizer of NeMo")
        self.fingerprint = fingerprint(self.name, [path], (language, self.windows))
        self._model = restore(path, f"{_MODELS}:ASRModel", device)
        self._transducer = isinstance(self._model, nemo_class(f"{_MODELS}:EncDecRNNTModel"))
        prompted = "prompt_dictionary" in (self._model.cfg.get("model_defaults") or ())
        if prompted or not (self._transducer or isinstance(self._model, nemo_class(f"{_MODELS}:EncDecCTCModel"))):
            raise ModelError(
                f"{path} is a model of the kind {type(self._model).__name__}: give a CTC model or a transducer that "
                "takes no prompt"
            )
        if self._model.preprocessor.featurizer.sample_rate != SAMPLE_RATE:
            raise ModelError(f"{path} does not hear 16 kHz: give another model")
        self._model.preprocessor.featurizer.pad_to = 0  # as NeMo has it for inference
        stride = float(self._model.cfg.preprocessor.window_stride)
        self._scale = int(self._model.encoder.subsampling_factor) * stride * FRAME_RATE
        self._one = threading.Lock()  # NeMo's decoders keep what they work on
        with quiet(), failing_as(f"NeMo's decoder of {path}"):
            self._model.change_decoding_strategy(_greedy(self._model.cfg.decoding))

    def recognize(
        self,
        audio: Audio,
        speech: Sequence[Span],
        events: Sequence[Event] = (),
        progress: Progress | None = None,
    ) -> tuple[Word, ...]:
        """Words in order of time, disjoint; `audio` is mono at 16 kHz. Words that touch no speech are left out.

        Events make no difference.

        Raises:
            BackendError: NeMo failed.
        """
        audio.mono_at(SAMPLE_RATE, self.name)
        return hear_windows(audio, speech, self.windows, self._hear, self.language, progress)

    def _hear(self, samples: NDArray[np.float32], window: Window) -> list[Heard]:
        """The words of a window's samples (N,), in order."""
        hypothesis = self._decode(np.pad(samples, (0, max(0, _SHORTEST - len(samples)))))
        times = hypothesis.timestamp
        starts = np.array([int(token["start_offset"]) for token in times["char"]])
        confidences = np.array([float(value) for value in hypothesis.token_confidence or ()])
        if len(starts) != len(confidences):
            raise BackendError(f"NeMo gave {len(confidences)} confidences for {len(starts)} tokens")
        found: list[Heard] = []
        for word in times["word"]:
            first, last = int(word["start_offset"]), int(word["end_offset"])
            own = confidences[(starts >= first) & (starts < max(last, first + 1))]
            confidence = float(np.clip(own.min(initial=1.0) if len(own) else confidences.min(), 0.0, 1.0))
            pieces = [piece for piece in split_words(word["word"], "zh") if any(map(str.isalnum, piece))]
            letters = np.cumsum([0, *map(len, pieces)])
            for piece, start, end in zip(pieces, letters[:-1], letters[1:], strict=True):
                low, high = (first + (last - first) * edge / letters[-1] for edge in (start, end))
                found.append(Heard(piece, float(low) * self._scale, float(high) * self._scale, confidence))
        return found

    def _decode(self, samples: NDArray[np.float32]) -> Any:
        """NeMo's best hypothesis, with the times and confidences of its tokens."""
        import torch

        model = self._model
        with self._one, torch.inference_mode(), failing_as("the recognizer of NeMo"):
            heard = torch.from_numpy(samples).to(model.device)[None]
            length = torch.tensor([len(samples)], device=heard.device)
            if self._transducer:
                encoded, frames = model(input_signal=heard, input_signal_length=length)
                return model.decoding.rnnt_decoder_predictions_tensor(encoded, frames, return_hypotheses=True)[0]
            posteriors, frames, _ = model(input_signal=heard, input_signal_length=length)
            return model.decoding.ctc_decoder_predictions_tensor(posteriors, frames, return_hypotheses=True)[0]


def _greedy(decoding: Any) -> Any:
    """A model's decoding, made greedy and with the time and confidence of every token."""
    from omegaconf import OmegaConf, open_dict

    config = OmegaConf.create(OmegaConf.to_container(decoding, resolve=True))
    with open_dict(config):
        if not str(config.get("strategy", "")).startswith("greedy"):
            config.strategy = "greedy_batch"
        config.compute_timestamps = True
        config.segment_gap_threshold = 1 << 30  # sentences are not needed; else NeMo warns where it cannot tell them
        config.confidence_cfg = {
            "preserve_frame_confidence": True,
            "preserve_token_confidence": True,
            # Of words NeMo 3.0.0 cannot tell it together with times where tokens are letters.
            "preserve_word_confidence": False,
            "exclude_blank": True,
            "method_cfg": {"name": "max_prob", "alpha": 1.0},
        }
    return config
