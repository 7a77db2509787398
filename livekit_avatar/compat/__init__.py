"""Other makers' interfaces on our engines."""
