"""What if the policy were another: the same past, or a made-up one with known changes, decided by other rules."""
