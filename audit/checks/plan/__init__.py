"""Checks of how the audit was planned."""
