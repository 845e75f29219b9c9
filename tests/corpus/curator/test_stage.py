"""The stage of NeMo Curator in a real pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import ray
from nemo_curator.backends.ray_data import RayDataExecutor
from nemo_curator.pipeline import Pipeline
from nemo_curator.stages.audio.common import ManifestReader, ManifestWriterStage

from corpora import write_recordings
from hybrid_tok.corpus.curator import HybridTokStage
from hybrid_tok.tokenizer import HybridTokenizer

pytestmark = pytest.mark.filterwarnings("default")  # Curator uses what Ray will drop

UNITS = {"layout": "units", "num_codebooks": 1}


def test_a_pipeline_adds_the_ids_that_each_recording_has_alone(tmp_path: Path) -> None:
    paths = write_recordings(tmp_path / "audio", [0.5, 1.0, 0.25])
    lines = [{"audio_filepath": str(path)} for path in (*paths, tmp_path / "missing.wav")]
    manifest, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    manifest.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    pipeline = Pipeline("tokens")
    pipeline.add_stage(ManifestReader(manifest_path=str(manifest)))
    pipeline.add_stage(HybridTokStage(options=UNITS))
    pipeline.add_stage(ManifestWriterStage(output_path=str(out)))
    ray.init("local", num_cpus=8, include_dashboard=False, log_to_driver=False)  # every stage asks for one
    pipeline.run(RayDataExecutor())
    found = {line["audio_filepath"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert len(found) == 4
    with HybridTokenizer.from_preset("default", **UNITS) as tokenizer:
        for path in paths:
            line = found[str(path)]
            assert line["hybrid_tok_ids"] == tokenizer.encode(path)
            assert line["hybrid_tok"]["unit_share"] == 1.0 and "hybrid_tok_error" not in line
    failed = found[str(tmp_path / "missing.wav")]
    assert failed["hybrid_tok_ids"] is None and failed["hybrid_tok_error"]["reason"] == "missing"
