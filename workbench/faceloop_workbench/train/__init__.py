"""Retraining in a child process, comparing models, looking into them."""
