"""Commands about checkpoints and latent spaces."""
