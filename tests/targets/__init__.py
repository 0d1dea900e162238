"""Stand-ins for the systems that `profile-downstream` tells, with their odd answers and their faults."""
