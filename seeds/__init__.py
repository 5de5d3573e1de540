"""seeds/ as package data: what Flankwatch watches."""
