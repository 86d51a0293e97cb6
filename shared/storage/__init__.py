"""Storage behind three small ports: a table of rows, doorbell queues, and blobs."""
