"""What a fit looks at: the face cut out of a picture, and channels of it."""
