"""What the processor can be asked for, typed as transformers reads it.

transformers looks into these annotations at run time: this module must not make strings of them
(`from __future__ import annotations`).
"""

from transformers.processing_utils import AudioKwargs, ProcessingKwargs


class HybridAudioKwargs(AudioKwargs, total=False):
    """What can be said about recordings: `sampling_rate`, of those given as arrays."""


class HybridProcessorKwargs(ProcessingKwargs, total=False):
    """What can be asked for besides what transformers has.

    Attributes:
        output_labels: also give `labels`: the ids, and -100 where there is padding.
    """

    audio_kwargs: HybridAudioKwargs
    output_labels: bool
