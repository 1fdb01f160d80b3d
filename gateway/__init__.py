"""The running service: process image, twin and forecast runners, hub, API, store and command line."""
