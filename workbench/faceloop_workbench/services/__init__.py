"""What the workbench does with projects and models. No Qt, no napari, no command line."""
