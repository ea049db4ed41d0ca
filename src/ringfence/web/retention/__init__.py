"""Pages on the recording's life: what goes tonight, holds, flags, restorations, periods, the rota, health and proof."""
