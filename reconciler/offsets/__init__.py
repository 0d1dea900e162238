"""Where each partition stands, and a person's decisions where that does not fit."""
