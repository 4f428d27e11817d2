"""How good a result is: measures, the peers to beat, the cases and the benchmark."""
