"""Two cases side by side: gaps on the same rows, decisions row by row, explanations that drift."""
