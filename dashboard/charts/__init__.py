"""Tables -> figures; pure, tested without Streamlit."""
