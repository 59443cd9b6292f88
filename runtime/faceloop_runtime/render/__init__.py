"""Faces drawn anew: meshes, masks, caricatures, and covers that hide who somebody is."""
