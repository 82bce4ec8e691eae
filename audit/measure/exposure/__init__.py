"""What a table tells of the people in it: direct identifiers, and how few share a description."""
