"""Rows beyond one table in memory: joined by a key, or counted where they lie."""
