"""What is worth a person's look: entries of the review queue, and frames that may become some."""
