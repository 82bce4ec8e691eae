"""Data of every kind -> one table, within limits: files, images, texts, databases."""
