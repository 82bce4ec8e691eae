"""How things are written in a table: numbers, missing values, encodings; declared, or told."""
