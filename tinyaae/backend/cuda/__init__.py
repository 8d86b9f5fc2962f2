"""CuPy on an NVIDIA GPU: kernels, matrix products, and a step captured as a CUDA graph."""
