"""What judges pictures while a generator learns: discriminators, and the augmentation before them."""
