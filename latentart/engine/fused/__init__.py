"""StyleGAN2's skip generator laid out for GPUs: few passes over few bytes.

`plan` turns a generator into layers whose weights lie as cuDNN reads them, `modulation` gives all styles of a call at
once, `network` draws, `forms` measures how each layer is faster. What follows a convolution is one pass, written
twice with the same signatures: `kernels` for Triton, `plain` in PyTorch, which is what the tests compare with and what
runs where there is no Triton.

Tested in Triton's interpreter; run on an H100 (docs/engine.md). StyleGAN3 is in `alias_free`.
"""
