"""Generators: latent codes to pictures. One file per family."""
