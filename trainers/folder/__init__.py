"""The folder that a trained model lives in: written, read, checked, asked."""
