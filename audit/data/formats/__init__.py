"""One file a format: the bytes of a table's file, or of a database's answer, into cells."""
