"""The point distribution model: Procrustes, probabilistic PCA, varimax, weights and prior."""
