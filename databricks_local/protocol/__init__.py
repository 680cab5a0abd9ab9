"""What happens to every request between the socket and the call it makes."""
