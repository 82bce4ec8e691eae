"""The worker: models from strangers are opened in a locked process of their own."""
