"""What a run does on the ML platform: train, judge and certify."""
