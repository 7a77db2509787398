"""Twenty-five frames a second, each with the speech that belongs to it."""
