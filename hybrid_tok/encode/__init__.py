"""Audio to stream; start with `pipeline.py`."""
