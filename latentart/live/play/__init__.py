"""The renderer and its process: from parameters to frames."""
