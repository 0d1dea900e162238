"""A person's word on an operation that nothing else settles."""
