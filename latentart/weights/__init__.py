"""Checkpoint files as plain tensors; nothing in a file is executed."""
