"""The demo: a dev server, an offline agent with a face, and a page to talk to it."""
