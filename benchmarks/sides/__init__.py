"""What runs in processes of its own: preparations, and sides that are not a command."""
