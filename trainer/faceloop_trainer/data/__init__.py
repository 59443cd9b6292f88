"""Training data: faces, their split, warnings about them, and their augmentation."""
