"""Checks of what a model costs the world."""
