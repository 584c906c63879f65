"""Objects in stores and on web servers: real servers, each a process of its own."""
