"""What of Baton is deployed in Azure, read with the rights of whoever asks; nothing here changes anything."""
