"""Why an operation stands where it stands."""
