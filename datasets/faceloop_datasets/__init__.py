"""What a face annotation is, where it is kept, and how it comes in and goes out."""
