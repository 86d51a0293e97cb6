"""What `shared/fold.py` is made of: events decided one after the other, drawn up as one transaction."""
