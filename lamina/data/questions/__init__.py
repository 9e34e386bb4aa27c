"""Questions about passages, whose answers stand in the passages."""
