"""What users call; everything below composes, this opens doors."""
