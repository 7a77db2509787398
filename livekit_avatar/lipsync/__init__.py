"""Speech to mouth state, streaming, 25 times a second."""
