"""Files of networks from other projects, as plain tensors in the names they have there.

One module of this folder reads one container: it has SOURCE, `matches(path, head)` (head is empty for a folder) and
`read(path)`. Nothing in a file is executed.
"""
