"""Cases as the pages need them: found, read, judged, written about."""
