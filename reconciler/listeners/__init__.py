"""Whether ThingSpace still calls us, and what to do where it does not."""
