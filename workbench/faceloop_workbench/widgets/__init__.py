"""Qt widgets that several tabs use, and the picture layer in napari's viewer."""
