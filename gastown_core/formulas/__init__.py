"""The formula language: formula texts are parsed, checked, composed and cooked into recipes."""
