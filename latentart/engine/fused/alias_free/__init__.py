"""StyleGAN3 laid out for GPUs: what is upsampled between two convolutions never leaves the registers.

`plan` turns a generator into layers, `modulation` gives all styles of a call at once, `network` draws. Between
convolutions stands the filtered leaky ReLU, written twice with the same signature: `kernels` starts the programs of
`tiles` (Triton), `plain` is PyTorch. `filters` lays the filters out for both, `forms` measures which tile is fastest.

Written against Triton's interpreter, not yet run on a GPU.
"""
