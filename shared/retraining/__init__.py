"""What `shared/policy.py` is made of: when a version is cut, when it is quiet, what retraining may cost."""
