"""Axes of a latent space: principal components, and eigenvectors of the layers that read it."""
