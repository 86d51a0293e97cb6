"""A version's certificate: its rules, what is told of it, its signature, and training it again."""
