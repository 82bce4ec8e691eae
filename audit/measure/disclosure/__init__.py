"""What is withheld so that no small group can be worked out."""
