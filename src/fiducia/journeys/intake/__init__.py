"""What a PACS pushes: received, waiting, registered."""
