"""The gates around `shared/gates.py`: what each asks, what is told of it, and that each can fail."""
