"""Avatars as files that users own."""
