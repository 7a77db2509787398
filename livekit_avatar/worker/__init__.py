"""Faces as a service: launched over HTTP, or dispatched by LiveKit, each in a room of its own."""
