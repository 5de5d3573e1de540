"""Accounts into incidents, incidents into alerts: pure, clockless, a fold over the ledger."""
