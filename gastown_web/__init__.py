"""The dashboard: the town in a browser, over the same snapshot, inbox and orders as the console."""
