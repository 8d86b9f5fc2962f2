"""Processes that share each batch: MPI between them, NCCL between their GPUs."""
