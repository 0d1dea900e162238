"""What decides: from events to operations, profiles, history and audit rows. Pure."""
