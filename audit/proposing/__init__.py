"""What an audit of a table needs declared: what is proposed and why, and what only people know."""
