"""Hostile models, made here from what the field knows of attacks; none is taken from elsewhere."""
