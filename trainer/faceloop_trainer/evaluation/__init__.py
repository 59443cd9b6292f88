"""How far off fits are: measuring, results, intervals, tests and plots."""
