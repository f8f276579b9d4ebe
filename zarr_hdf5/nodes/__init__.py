"""What is done to the nodes of a hierarchy, below the objects that users hold."""
