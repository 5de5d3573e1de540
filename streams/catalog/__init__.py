"""seeds/ → one immutable, hashed Catalog; every fault with file, key and reason, all at once.

The user's own directory is laid over the shipped one file by file, entry by entry (by id).
Each kind of seed has its module here: `read(sources, faults)` gives its part.
"""

from __future__ import annotations
