"""The point distribution model: Procrustes, probabilistic PCA, varimax, sparse PCA, prior."""
