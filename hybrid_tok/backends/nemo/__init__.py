"""Adapters of NeMo (https://github.com/NVIDIA-NeMo/NeMo): recognizers, diarizers, codecs and a synthesizer.

Their models are `.nemo` files, which are tar archives of a configuration and a PyTorch checkpoint: see `models`.
"""
