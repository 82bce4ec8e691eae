"""Checks of whether answers hold where nothing of substance changes."""
