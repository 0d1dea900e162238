"""What could not be used, and using it after all."""
