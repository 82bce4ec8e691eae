"""Parsers of what strangers hand over, under random changes of honest bytes."""
