"""Stream to audio; start with `pipeline.py`."""
