"""How a trained system is judged: answers, metrics, calibration, ensembles."""
