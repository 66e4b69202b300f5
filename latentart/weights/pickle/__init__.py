"""Pickles read without unpickling: an inert reader, the tensors it finds, torch files and their zips."""
