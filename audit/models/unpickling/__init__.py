"""What a pickle would import and load, said before it is: names, versions, and what is refused."""
