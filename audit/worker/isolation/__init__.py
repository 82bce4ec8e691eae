"""Locks: what a worker may not do, by which means, and the probes that try."""
