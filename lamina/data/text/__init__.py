"""Text: files of it, its tokens, and batches of rows of unequal length."""
