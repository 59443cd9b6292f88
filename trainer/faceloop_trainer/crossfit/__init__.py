"""Cross-fitting: fits to people whom the experts that make them have not seen."""
