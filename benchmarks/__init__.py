"""How fast lamina is, against what people would write by hand, in the same run."""
