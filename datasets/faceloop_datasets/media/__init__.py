"""Pictures and videos: read as players show them, and known by their content."""
