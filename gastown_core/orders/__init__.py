"""What a face may ask for: one table of orders, and the one function that performs them."""
