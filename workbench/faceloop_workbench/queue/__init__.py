"""Which face comes next: the review queue, navigation, and what is imported."""
