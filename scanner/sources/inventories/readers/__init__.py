"""One small reader for each format."""
