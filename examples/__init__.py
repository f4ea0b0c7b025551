"""Scenarios that run as they are: `planner recommend --example chat-70b`."""
