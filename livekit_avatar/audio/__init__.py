"""Sound: decoding, resampling, log-mel."""
