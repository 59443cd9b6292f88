"""Where a fit starts: from a face box to a pose."""
