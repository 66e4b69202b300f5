"""Arithmetic in z, w and w+: walks are made of it."""
