"""The client, from either interface of servers in this process."""
