"""Fitting: the loop that plain and private training share, and what goes on around it."""
