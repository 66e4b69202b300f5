"""Containers: files of bytes -> named tensors and what the file states. Nothing in a file is executed.

One module of this folder reads one container. It has `SOURCE`, its name; `matches(path, head)`, whether a file (or a
folder: head is empty then) is one, by its first bytes and never by its extension; `read(path) -> Contents`. Which
network the tensors belong to is not its business: see `latentart.weights.families`.
"""
