"""One article in, language, tags, reports, verdict and the reasons out: pure."""
