"""Commands that render a generator into files."""
