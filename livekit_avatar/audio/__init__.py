"""Sound: decoding files, resampling streams."""
