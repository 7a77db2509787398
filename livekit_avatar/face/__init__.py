"""Faces in pictures: landmarks, and whether a photo will do."""
