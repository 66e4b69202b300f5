"""Image-to-image networks trained on pairs or on two collections: pix2pix, CycleGAN, pix2pixHD."""
