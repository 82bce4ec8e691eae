"""How text, numbers and reasons are put into words, whatever page they stand on."""
