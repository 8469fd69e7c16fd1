"""Work and its way: sling, hook, done, convoys."""
