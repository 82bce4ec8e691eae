"""What to train: the recipe, its parts and its defaults."""
