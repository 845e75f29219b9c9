"""NeMo models of a few thousand random weights, as `.nemo` files that NeMo wrote itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hybrid_tok.backends.nemo.models import quiet

ALPHABET = [" ", *"abcdefghijklmnopqrstuvwxyz", "'"]
MELS = 16

_SPEECH_FEATURES = {
    "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
    "sample_rate": 16_000,
    "window_size": 0.025,
    "window_stride": 0.01,
    "window": "hann",
    "features": MELS,
    "n_fft": 512,
    "frame_splicing": 1,
    "dither": 1e-5,
}


def _conformer(d_model: int, **options: Any) -> dict[str, Any]:
    return {
        "_target_": "nemo.collections.asr.modules.ConformerEncoder",
        "feat_in": MELS,
        "feat_out": -1,
        "n_layers": 1,
        "d_model": d_model,
        "subsampling": "dw_striding",
        "subsampling_factor": 8,
        "subsampling_conv_channels": 8,
        "ff_expansion_factor": 2,
        "self_attention_model": "rel_pos",
        "n_heads": 2,
        "att_context_size": [-1, -1],
        "xscaling": False,
        "conv_kernel_size": 5,
        "dropout": 0.0,
        "dropout_pre_encoder": 0.0,
        "dropout_emb": 0.0,
        "dropout_att": 0.0,
        **options,
    }


def sortformer(streaming: bool = False) -> Any:
    from nemo.collections.asr.models import SortformerEncLabelModel
    from omegaconf import OmegaConf

    config = {
        "sample_rate": 16_000,
        "max_num_of_spks": 4,
        "streaming_mode": streaming,
        "pil_weight": 0.5,
        "ats_weight": 0.5,
        "model_defaults": {"fc_d_model": 32, "tf_d_model": 16},
        "preprocessor": {**_SPEECH_FEATURES, "normalize": "NA" if streaming else "per_feature"},
        "encoder": _conformer(32),
        "sortformer_modules": {
            "_target_": "nemo.collections.asr.modules.sortformer_modules.SortformerModules",
            "num_spks": 4,
            "dropout_rate": 0.5,
            "fc_d_model": 32,
            "tf_d_model": 16,
            "spkcache_len": 40,
            "fifo_len": 10,
            "chunk_len": 10,
            "spkcache_update_period": 10,
        },
        "transformer_encoder": {
            "_target_": "nemo.collections.asr.modules.transformer.transformer_encoders.TransformerEncoder",
            "num_layers": 1,
            "hidden_size": 16,
            "inner_size": 32,
            "num_attention_heads": 2,
            "attn_score_dropout": 0.0,
            "attn_layer_dropout": 0.0,
            "ffn_dropout": 0.0,
            "hidden_act": "relu",
            "pre_ln": False,
            "pre_ln_final_layer_norm": True,
        },
        "loss": {
            "_target_": "nemo.collections.asr.losses.bce_loss.BCELoss",
            "weight": None,
            "reduction": "mean",
        },
    }
    return SortformerEncLabelModel(cfg=OmegaConf.create(config))


def titanet() -> Any:
    from nemo.collections.asr.models import EncDecSpeakerLabelModel
    from omegaconf import OmegaConf

    block = {"dilation": [1], "dropout": 0.0, "stride": [1], "separable": True, "se": True, "se_context_size": -1}
    config = {
        "sample_rate": 16_000,
        "train_ds": {"sample_rate": 16_000, "shuffle": False, "defer_setup": True, "manifest_filepath": None},
        "preprocessor": {**_SPEECH_FEATURES, "normalize": "per_feature"},
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConvASREncoder",
            "feat_in": MELS,
            "activation": "relu",
            "conv_mask": True,
            "jasper": [
                {**block, "filters": 16, "repeat": 1, "kernel": [3], "residual": False},
                {**block, "filters": 48, "repeat": 1, "kernel": [1], "residual": False},
            ],
        },
        "decoder": {
            "_target_": "nemo.collections.asr.modules.SpeakerDecoder",
            "feat_in": 48,
            "num_classes": 5,
            "pool_mode": "attention",
            "emb_sizes": 24,
            "attention_channels": 8,
        },
        "loss": {"scale": 30, "margin": 0.2, "_target_": "nemo.collections.asr.losses.angularloss.AngularSoftmaxLoss"},
    }
    return EncDecSpeakerLabelModel(cfg=OmegaConf.create(config))


def _codec(encoder: dict[str, Any], decoder: dict[str, Any], quantizer: dict[str, Any], **options: Any) -> Any:
    from nemo.collections.tts.models import AudioCodecModel
    from omegaconf import OmegaConf

    package = "nemo.collections.tts"
    config = {
        "sample_rate": 22_050,
        "samples_per_frame": 512,
        "loss_resolutions": [[512, 128, 512]],
        "mel_loss_dims": [16],
        "commit_loss_scale": 0.0,
        "audio_encoder": encoder,
        "audio_decoder": decoder,
        "vector_quantizer": quantizer,
        "generator_loss": {"_target_": f"{package}.losses.audio_codec_loss.GeneratorSquaredLoss"},
        "discriminator_loss": {"_target_": f"{package}.losses.audio_codec_loss.DiscriminatorSquaredLoss"},
        **options,
    }
    model = AudioCodecModel(cfg=OmegaConf.create(config))
    for name, values in model.named_parameters():
        if name.startswith("audio_encoder") and name.endswith(
            "original0"
        ):  # of weight norm: so that codes follow the sound, and not the biases alone
            values.data *= 3.0
    for name, values in model.vector_quantizer.named_buffers():
        if name.endswith("codes"):
            values.normal_()
    return model


_CODEC_MODULES = "nemo.collections.tts.modules.audio_codec_modules"


def fsq_codec(**options: Any) -> Any:
    """Three groups of FSQ, one of its levels even, without padding that mirrors."""
    sizes = {"resblock_kernel_sizes": [3], "resblock_dilation_sizes": [1], "pad_mode": "zeros"}
    return _codec(
        {
            "_target_": f"{_CODEC_MODULES}.CausalHiFiGANEncoder",
            "encoded_dim": 9,
            "down_sample_rates": [4, 4, 4, 8],
            "base_channels": 2,
            **sizes,
        },
        {
            "_target_": f"{_CODEC_MODULES}.CausalHiFiGANDecoder",
            "input_dim": 9,
            "up_sample_rates": [8, 4, 4, 4],
            "base_channels": 16,
            **sizes,
        },
        {
            "_target_": f"{_CODEC_MODULES}.GroupFiniteScalarQuantizer",
            "num_groups": 3,
            "num_levels_per_group": [4, 5, 5],
        },
        **options,
    )


def rvq_codec() -> Any:
    """Four residual codebooks in two groups, with padding that mirrors, as in NeMo's 44 kHz mel codec."""
    sizes = {"resblock_kernel_sizes": [3], "resblock_dilation_sizes": [1]}
    return _codec(
        {
            "_target_": f"{_CODEC_MODULES}.HiFiGANEncoder",
            "encoded_dim": 8,
            "down_sample_rates": [4, 4, 4, 8],
            "base_channels": 2,
            **sizes,
        },
        {
            "_target_": f"{_CODEC_MODULES}.HiFiGANDecoder",
            "input_dim": 8,
            "up_sample_rates": [8, 4, 4, 4],
            "base_channels": 16,
            **sizes,
        },
        {
            "_target_": "nemo.collections.tts.modules.encodec_modules.GroupResidualVectorQuantizer",
            "num_codebooks": 4,
            "num_groups": 2,
            "codebook_dim": 8,
            "codebook_size": 32,
        },
    )


_VOICE_FEATURES = {
    "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
    "sample_rate": 22_050,
    "features": 20,
    "lowfreq": 0,
    "highfreq": 8_000,
    "n_fft": 1024,
    "n_window_size": 1024,
    "window_size": False,
    "n_window_stride": 256,
    "window_stride": False,
    "pad_to": 1,
    "pad_value": 0,
    "normalize": None,
    "preemph": None,
    "dither": 0.0,
    "log": True,
    "log_zero_guard_type": "add",
    "log_zero_guard_value": 1e-5,
    "mag_power": 1.0,
}
_NO_DATA = {
    "dataset": {"_target_": "nemo.collections.tts.data.dataset.TTSDataset", "sample_rate": 22_050},
    "shuffle": False,
    "defer_setup": True,
}


def fastpitch(speakers: int = 0, **options: Any) -> Any:
    from nemo.collections.tts.models import FastPitchModel
    from omegaconf import OmegaConf

    package = "nemo.collections.tts.modules"
    block = {
        "n_layer": 1,
        "n_head": 1,
        "d_model": 16,
        "d_head": 8,
        "d_inner": 16,
        "kernel_size": 3,
        "dropout": 0.0,
        "dropatt": 0.0,
        "dropemb": 0.0,
    }
    predictor = {
        "_target_": f"{package}.fastpitch.TemporalPredictor",
        "input_size": 16,
        "kernel_size": 3,
        "filter_size": 8,
        "dropout": 0.0,
        "n_layers": 1,
    }
    config = {
        "learn_alignment": True,
        "n_speakers": speakers,
        "n_mel_channels": 20,
        "min_token_duration": 0,
        "max_token_duration": 75,
        "symbols_embedding_dim": 16,
        "pitch_embedding_kernel_size": 3,
        "train_ds": _NO_DATA,
        "preprocessor": _VOICE_FEATURES,
        "text_tokenizer": {
            "_target_": "nemo.collections.common.tokenizers.text_to_speech.tts_tokenizers.EnglishCharsTokenizer",
            "add_blank_at": True,
            "pad_with_space": True,
        },
        "alignment_module": {
            "_target_": f"{package}.aligner.AlignmentEncoder",
            "n_mel_channels": 20,
            "n_text_channels": 16,
            "n_att_channels": 8,
        },
        "input_fft": {"_target_": f"{package}.transformer.FFTransformerEncoder", "d_embed": 16, **block},
        "output_fft": {"_target_": f"{package}.transformer.FFTransformerDecoder", **block},
        "duration_predictor": predictor,
        "pitch_predictor": predictor,
        **options,
    }
    model = FastPitchModel(cfg=OmegaConf.create(config))
    model.fastpitch.duration_predictor.fc.bias.data.fill_(1.8)  # some five frames a letter, as in speech
    return model


def without_discriminators() -> None:
    """Have NeMo build HiFi-GAN without its discriminators, whose 70 million weights have no smaller sizes."""
    import torch
    from nemo.collections.tts.models import hifigan

    hifigan.MultiPeriodDiscriminator = hifigan.MultiScaleDiscriminator = lambda debug: torch.nn.Module()


def hifigan(mels: int = 20) -> Any:
    from nemo.collections.tts.models import HifiGanModel
    from omegaconf import OmegaConf

    without_discriminators()
    config = {
        "train_ds": _NO_DATA,
        "preprocessor": {
            "_target_": "nemo.collections.asr.parts.preprocessing.features.FilterbankFeatures",
            "sample_rate": 22_050,
            "n_window_size": 1024,
            "n_window_stride": 256,
            "nfilt": mels,
            "exact_pad": True,
        },
        "generator": {
            "_target_": "nemo.collections.tts.modules.hifigan_modules.Generator",
            "resblock": 1,
            "upsample_rates": [8, 8, 4],
            "upsample_kernel_sizes": [16, 16, 8],
            "upsample_initial_channel": 16,
            "resblock_kernel_sizes": [3],
            "resblock_dilation_sizes": [[1, 3, 5]],
            "initial_input_size": mels,
        },
        "max_epochs": 1,
    }
    return HifiGanModel(cfg=OmegaConf.create(config))


def _recognizer_config() -> dict[str, Any]:
    return {
        "sample_rate": 16_000,
        "labels": ALPHABET,
        "log_prediction": False,
        "preprocessor": {**_SPEECH_FEATURES, "normalize": "per_feature"},
        "encoder": _conformer(16, subsampling_factor=4),
    }


def ctc() -> Any:
    from nemo.collections.asr.models import EncDecCTCModel
    from omegaconf import OmegaConf

    config = {
        **_recognizer_config(),
        "decoder": {
            "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
            "feat_in": 16,
            "num_classes": len(ALPHABET),
            "vocabulary": ALPHABET,
        },
    }
    return EncDecCTCModel(cfg=OmegaConf.create(config))


def transducer(durations: tuple[int, ...] = ()) -> Any:
    """An RNN-T, or with durations a token-and-duration transducer."""
    from nemo.collections.asr.models import EncDecRNNTModel
    from omegaconf import OmegaConf

    return EncDecRNNTModel(cfg=OmegaConf.create(_transducer_config(durations)))


def _transducer_config(durations: tuple[int, ...] = ()) -> dict[str, Any]:
    return {
        **_recognizer_config(),
        "model_defaults": {"enc_hidden": 16, "pred_hidden": 16, "joint_hidden": 16, "tdt_durations": list(durations)},
        "decoder": {
            "_target_": "nemo.collections.asr.modules.RNNTDecoder",
            "normalization_mode": None,
            "random_state_sampling": False,
            "blank_as_pad": True,
            "vocab_size": len(ALPHABET),
            "prednet": {"pred_hidden": 16, "pred_rnn_layers": 1, "dropout": 0.0},
        },
        "joint": {
            "_target_": "nemo.collections.asr.modules.RNNTJoint",
            "log_softmax": None,
            "preserve_memory": False,
            "fuse_loss_wer": False,
            "fused_batch_size": -1,
            "num_classes": len(ALPHABET),
            "num_extra_outputs": len(durations),
            "vocabulary": ALPHABET,
            "jointnet": {
                "joint_hidden": 16,
                "encoder_hidden": 16,
                "pred_hidden": 16,
                "activation": "relu",
                "dropout": 0.0,
            },
        },
        "decoding": {
            "strategy": "greedy_batch",
            "greedy": {"max_symbols": 3},
            **({"model_type": "tdt", "durations": list(durations)} if durations else {}),
        },
        "loss": {
            "loss_name": "tdt" if durations else "default",
            **({"tdt_kwargs": {"durations": list(durations), "sigma": 0.0, "omega": 0.0}} if durations else {}),
        },
    }


def hybrid(folder: Path) -> Any:
    """A transducer with a CTC output beside it, of word pieces."""
    import sentencepiece
    from nemo.collections.asr.models import EncDecHybridRNNTCTCBPEModel
    from omegaconf import OmegaConf

    text = folder / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\nshe sells sea shells by the sea shore\n" * 3)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "tokenizer"), vocab_size=32, minloglevel=2
    )
    vocabulary = (folder / "tokenizer.vocab").read_text().splitlines()
    (folder / "vocab.txt").write_text("\n".join(line.split("\t")[0] for line in vocabulary))
    transducing = _transducer_config()
    config = {
        **transducing,
        "tokenizer": {"dir": str(folder), "type": "bpe"},
        "aux_ctc": {
            "ctc_loss_weight": 0.3,
            "use_cer": False,
            "decoder": {
                "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
                "feat_in": 16,
                "num_classes": -1,
                "vocabulary": [],
            },
            "decoding": {"strategy": "greedy_batch"},
        },
    }
    return EncDecHybridRNNTCTCBPEModel(cfg=OmegaConf.create(config))


MODELS: MappingProxyType[str, Callable[[Path], Any]] = MappingProxyType(
    {
        "sortformer": lambda _: sortformer(),
        "streaming": lambda _: sortformer(streaming=True),
        "titanet": lambda _: titanet(),
        "fsq": lambda _: fsq_codec(),
        "rvq": lambda _: rvq_codec(),
        "fastpitch": lambda _: fastpitch(),
        "fastpitch-3": lambda _: fastpitch(speakers=3),
        "hifigan": lambda _: hifigan(),
        "ctc": lambda _: ctc(),
        "rnnt": lambda _: transducer(),
        "tdt": lambda _: transducer((0, 1, 2, 4)),
        "hybrid": hybrid,
    }
)


def write(make: Callable[[Path], Any], path: Path, seed: int = 0) -> Path:
    """Make a model from a seed and save it; the random state of others is left as it was.

    Args:
        make: given an empty folder to work in.
    """
    import torch

    with quiet(), torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(seed)
        make(Path(folder)).eval().save_to(str(path))
    return path
