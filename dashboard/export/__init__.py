"""The static copy: the pages that need no server, in one folder."""
