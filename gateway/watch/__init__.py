"""The terminal view: the network, a station and the alarms over the same stream as the web app's."""
