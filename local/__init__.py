"""The laptop: everything of Azure that Baton needs, as processes on 127.0.0.1."""
