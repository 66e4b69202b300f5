"""Frozen networks that losses look through. Weights: see NOTICE in this folder."""
