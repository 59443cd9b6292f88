"""Learning the shape of faces in space from points in pictures alone."""
