"""Searches and applications under faults: what a person sees, and what is saved."""
