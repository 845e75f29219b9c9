"""The values and contracts that everything else shares; numpy only."""
