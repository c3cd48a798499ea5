"""What a face shows: cross-fusion, smoothing over time, calibration."""
