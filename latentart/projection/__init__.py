"""Pictures into latent space: the founding wish of this project.

`project` finds the codes of pictures; `edits` plays with codes that were found; `bundle` keeps them.
"""
