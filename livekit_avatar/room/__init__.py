"""The face in a LiveKit room."""
