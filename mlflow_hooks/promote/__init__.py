"""A version of a registered model put into use: taken from where it has passed, judged, copied, and recorded."""
