"""Verdicts and findings -> tables; pure, tested without Streamlit."""
