"""Draws a view with Plotly: each function takes what it draws and returns a figure."""
