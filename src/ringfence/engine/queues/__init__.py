"""Queueing rules: who is offered which call. Sans-I/O."""
