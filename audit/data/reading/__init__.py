"""From a path to one table: which format it is, images and texts in folders, rows left on disk."""
