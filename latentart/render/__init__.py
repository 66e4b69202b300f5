"""Rendering into files: one file for each kind of output."""
