"""What other programs can be told while a session runs: OSC, UDP with JSON, Lab Streaming Layer."""
