"""The laboratory's queues and devices, checked against queueing theory."""
