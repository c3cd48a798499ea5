"""The review window: a recording's video and timelines under one cursor, and corrections."""
