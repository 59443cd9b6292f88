"""The dock in napari: its tabs, the status line, the keys and the page that shows them."""
