"""The outside world: feeds and chats. A leaf: imports neither Kafka, Faust nor streams."""
