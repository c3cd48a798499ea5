"""Markers that other programs set while a session runs: texts by UDP and Lab Streaming Layer."""
