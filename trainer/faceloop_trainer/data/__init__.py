"""What trains: faces, their split, checks of them, and copies that are changed on purpose."""
