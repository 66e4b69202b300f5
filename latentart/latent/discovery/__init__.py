"""Finding directions in a latent space, and scaling them so that equal amounts look equal."""
