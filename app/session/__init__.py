"""Live sessions without Qt: recording, statistics, histories, review and export."""
