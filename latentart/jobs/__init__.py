"""Long renders in chunks: each appears whole or not at all, so that a render goes on where it was killed."""
