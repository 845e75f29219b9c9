"""Words placed in the audio: the text that was given, and where it was said."""
