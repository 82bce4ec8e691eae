"""Raw rows -> tensors, and back to names: one file a kind of row."""
