"""Feed kinds; the file name is the kind. Found by folder scan (connectors/registry.py)."""
