"""Our kernels, in Triton: one source for NVIDIA, AMD and Intel.

Only what Triton 3.6 and 3.7 both have is used. Offsets of rows are 64-bit, because activations pass 2^31.
"""
