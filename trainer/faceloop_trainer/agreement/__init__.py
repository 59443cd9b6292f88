"""How well people agree who annotated the same faces without seeing each other's points."""
