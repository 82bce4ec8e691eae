"""Evidence that survives: writing that is whole or absent, signatures, checkpoints, archives."""
