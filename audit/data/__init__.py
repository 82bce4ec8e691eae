"""What a table is: its cells, types and groups, and what is odd about them."""
