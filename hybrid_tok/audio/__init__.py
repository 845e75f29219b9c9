"""Reading, resampling and writing recordings."""

from hybrid_tok.audio.reading import read_audio as read_audio
from hybrid_tok.audio.reading import read_channels as read_channels
from hybrid_tok.audio.reading import read_mono as read_mono
from hybrid_tok.audio.resampling import resample as resample
from hybrid_tok.audio.resampling import resampled_length as resampled_length
from hybrid_tok.audio.writing import write_wav as write_wav
