"""Benchmarks: figures of the real service beside something plain that runs on the same machine at the same time."""
