"""Training on your own pictures: pix2pix on pairs, fast style on one painting. Every run can be resumed."""
