"""Rows that are never in memory together: what their cells mean, and the SQL that counts them."""
