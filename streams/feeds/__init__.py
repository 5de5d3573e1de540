"""What the fetch role is made of: remember, poll, plan, tell how a feed is.

memory → poll → (streams/fetch.py). Only `surge` and the role itself touch Kafka.
"""
