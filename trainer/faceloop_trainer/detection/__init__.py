"""A detector of the faces of a project, whatever they are."""
