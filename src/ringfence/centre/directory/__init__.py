"""Numbers, hours, prompts, flows, queues, trunks and destinations: what the engine needs, kept and versioned."""
