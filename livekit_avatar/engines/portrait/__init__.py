"""The CPU engine: one picture, warped and composed."""
