"""Training of the start network that ships: ``python -m faceloop_trainer.start_network FOLDER``."""
