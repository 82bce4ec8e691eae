"""The process behind the pages: starting it, who is signed in, the jobs that it starts."""
