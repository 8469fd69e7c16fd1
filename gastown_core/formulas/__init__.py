"""The formula language: workflow texts read, checked, composed and cooked into recipes."""
