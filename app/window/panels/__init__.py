"""What the window shows beside the video; each panel is a widget with `refresh(live)`."""
