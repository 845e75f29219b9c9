"""Tiny codecs of transformers with random weights, whose codes differ from frame to frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CODECS = ("encodec", "dac", "mimi", "xcodec", "xcodec2")


def write_tiny_codec(folder: Path, name: str, seed: int = 0, **changes: Any) -> Path:
    """A codec's folder, as `save_pretrained` writes it.

    Args:
        changes: of the configuration.
    """
    import torch
    import transformers

    config_class, model_class, settings = {
        "encodec": (transformers.EncodecConfig, transformers.EncodecModel, _ENCODEC),
        "dac": (transformers.DacConfig, transformers.DacModel, _DAC),
        "mimi": (transformers.MimiConfig, transformers.MimiModel, _MIMI),
        "xcodec": (transformers.XcodecConfig, transformers.XcodecModel, _XCODEC),
        "xcodec2": (transformers.Xcodec2Config, transformers.Xcodec2Model, _XCODEC2),
    }[name]
    torch.manual_seed(seed)
    model = model_class(config_class(**settings, **changes))
    with torch.no_grad():
        for key, tensor in [*model.named_buffers(), *model.named_parameters()]:
            if name == "encodec" and key.startswith("encoder.") and key.endswith("bias"):
                tensor.zero_()  # or latents hardly follow the audio
            if key.endswith(("codebook.embed", "codebook.embed_sum")):  # zeros in an untrained model
                tensor.normal_(0, 0.002 if name == "encodec" else 1)
            for ending, factor in _LOUDER.items():
                if key.endswith(ending):
                    tensor.mul_(factor)
    model.save_pretrained(folder)
    return folder


_LOUDER = {
    "encoder.conv2.weight": 20,
    "decoder.conv2.weight": 20,
    "fc_encoder.weight": 300,
    "quantizer.project_in.weight": 50,
    "quantizer.project_out.weight": 50,
    "head.linear.weight": 10,
}
"""Factors on random weights, so that frames tell themselves apart."""

_ENCODEC = {"num_filters": 4, "hidden_size": 16, "codebook_dim": 16, "num_lstm_layers": 1, "codebook_size": 64}
_DAC = {
    "encoder_hidden_size": 4,
    "decoder_hidden_size": 32,
    "downsampling_ratios": [2, 4, 5, 8],  # as at 24 kHz: the decoder's odd stride loses samples
    "n_codebooks": 3,
    "codebook_size": 16,
    "codebook_dim": 4,
}
_MIMI = {
    "num_filters": 4,
    "hidden_size": 16,
    "codebook_dim": 8,
    "vector_quantization_hidden_dimension": 8,
    "codebook_size": 32,
    "num_quantizers": 12,
    "upsample_groups": 16,
    "num_hidden_layers": 2,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "sliding_window": 20,
}
_XCODEC = {
    "codebook_size": 1024,
    "target_bandwidths": [0.5, 1.5],
    "acoustic_model_config": {
        "model_type": "dac",
        "encoder_hidden_size": 4,
        "downsampling_ratios": [8, 5, 4, 2],
        "decoder_hidden_size": 32,
        "upsampling_ratios": [8, 5, 4, 2],
        "hidden_size": 16,
    },
    "semantic_model_config": {
        "model_type": "hubert",
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": [8] * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
    },
}
_XCODEC2 = {
    "hidden_size": 64,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "encoder_hidden_size": 4,
    "quantization_dim": 80,
    "quantization_levels": [4, 4, 4],
    "semantic_model_config": {
        "model_type": "wav2vec2-bert",
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "feature_projection_input_dim": 160,
    },
}
