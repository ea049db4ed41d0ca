"""The only place that knows both engine and centre: stores the engine's facts and pushes it the directory."""
