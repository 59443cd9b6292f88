"""What a model found in a video, frame by frame, and what people made of it since."""
