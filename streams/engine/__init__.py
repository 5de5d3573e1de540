"""What Kafka and Faust need to be trusted; the only place that knows their private names."""
