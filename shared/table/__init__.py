"""What stands in the table: rows and their keys, their stored forms, the room in them, and what is removed in time."""
