"""The step as a stage of NeMo Curator's audio pipelines: a line of a manifest in, the same line with tokens out.

    pipeline.add_stage(HybridTokStage(preset="default", options={"language": "en"}))

Curator brings its own readers, filters and scheduling; `hybrid-tok corpus` is not at work here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from nemo_curator.backends.base import WorkerMetadata
from nemo_curator.stages.base import ProcessingStage
from nemo_curator.stages.resources import Resources
from nemo_curator.tasks import AudioTask

from hybrid_tok.corpus.entries import BadLine
from hybrid_tok.corpus.rows import Failure, Outcome
from hybrid_tok.corpus.sources.nemo import read_line
from hybrid_tok.corpus.step import EncodeStep, TokenizerRecipe


@dataclass
class HybridTokStage(ProcessingStage[AudioTask, AudioTask]):
    """Adds tokens to each recording.

    Reads `audio_filepath` and, where they are there, `offset`, `duration`, `text`, `speaker` and `events`, as of a NeMo
    manifest. Adds `hybrid_tok_ids` (a list of ids) and `hybrid_tok` (the figures of `corpus.rows.Columns`). A
    recording that cannot be encoded stays, with `hybrid_tok_ids` None and the reason in `hybrid_tok_error`.

    Attributes:
        preset, options: of the tokenizer.
        threads: of each worker; as many CPUs are asked for.
    """

    name: str = "hybrid_tok"
    preset: str = "default"
    options: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    resources: Resources = field(default_factory=lambda: Resources(cpus=1.0))

    def __post_init__(self) -> None:
        if self.resources.cpus < self.threads:
            self.resources = Resources(cpus=float(self.threads), gpus=self.resources.gpus)
        self._step: EncodeStep | None = None

    def inputs(self) -> tuple[list[str], list[str]]:
        """What a task must have."""
        return ["data"], ["audio_filepath"]

    def outputs(self) -> tuple[list[str], list[str]]:
        """What a task gets."""
        return ["data"], ["hybrid_tok_ids", "hybrid_tok"]

    def setup(self, worker_metadata: WorkerMetadata | None = None) -> None:
        """Load the models, once per worker."""
        self._step = EncodeStep(TokenizerRecipe(self.preset, self.options, self.threads))
        self._step.setup()

    def process(self, task: AudioTask) -> AudioTask:
        """Encode the recording of a task."""
        if self._step is None:
            self.setup()
        assert self._step is not None
        entry = read_line(dict(task.data), f"{task.dataset_name or 'task'}, {task.data['audio_filepath']}", "")
        outcome: Outcome
        if isinstance(entry, BadLine):
            outcome = Failure(entry.where, "line", entry.message)
        else:
            outcome = self._step.encode_one(entry)
        if isinstance(outcome, Failure):
            task.data |= {"hybrid_tok_ids": None, "hybrid_tok": None, "hybrid_tok_error": asdict(outcome)}
        else:
            task.data |= {"hybrid_tok_ids": outcome.ids.tolist(), "hybrid_tok": asdict(outcome.columns)}
        return task
