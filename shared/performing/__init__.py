"""What answers the doorbells around `shared/perform.py`: fair to all models, and careful with a platform that is down."""
