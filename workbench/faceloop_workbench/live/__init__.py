"""Playing a video with the fit on it; poor fits go to the review queue."""
