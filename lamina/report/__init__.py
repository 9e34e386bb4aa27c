"""The page that a run leaves behind: what was trained, how it went, how good it is, and where it errs."""
