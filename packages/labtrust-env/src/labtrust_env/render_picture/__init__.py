"""The laboratory as a picture and in a window, drawn with pygame from the running episode."""
