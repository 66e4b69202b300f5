"""Networks in the formats of others, checked numerically after writing. One file of this folder is one format."""
