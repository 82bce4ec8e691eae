"""Rows counted into cells: in memory, batch by batch, in a file, and by the person they are of."""
