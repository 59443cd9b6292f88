"""What napari calls: readers, a writer, sample data and menu commands. The manifest names them."""
