"""Training data: pairs and pictures, found on disk, fetched from packages or drawn."""
