"""Orders: the table of what a face can request, and the function that performs them."""
