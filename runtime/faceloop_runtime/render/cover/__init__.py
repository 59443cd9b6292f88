"""Hiding who somebody is: where faces may be in every frame of a video, and what covers them."""
