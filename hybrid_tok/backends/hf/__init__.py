"""Adapters for models in the format of `transformers`: codecs, an event tagger, a recognizer.

A model is a folder, or a name in the local Hugging Face cache; nothing is downloaded, and no code that comes with a
model is run. Weights are read from safetensors where the folder has them, otherwise by `torch.load(weights_only=True)`.
"""
