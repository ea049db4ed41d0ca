"""Media: one port, two engines. The embedded one lives in ``embedded``; rtpengine comes with scale-out."""
