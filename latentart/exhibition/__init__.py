"""Exhibition films: a score in TOML becomes the files that a venue plays."""
