"""What other systems announce."""
