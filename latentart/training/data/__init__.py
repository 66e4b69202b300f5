"""Sets of pictures to train a GAN on: one's own folder, and sets made from published packages."""
