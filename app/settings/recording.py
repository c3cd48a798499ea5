"""Between the settings' file and what a recording's controller owns while the program runs."""

from dataclasses import replace

from app.session.options import RecordingOptions
from app.settings.settings import Settings


def options_of(settings: Settings) -> RecordingOptions:
    """Give what the settings say of recordings."""
    return RecordingOptions(
        root=settings.recording_folder,
        video=settings.video,
        records=settings.records,
        annotate=settings.annotate,
        clean=settings.clean,
        timeline=settings.timeline,
        blur=settings.blur,
        blur_whole=settings.blur_whole,
        sound=settings.sound,
        sheet=settings.sheet,
        limit_s=60.0 * settings.limit_minutes or None,
        part=settings.part_limits(),
        texts=settings.markers,
    )


def with_options(settings: Settings, options: RecordingOptions) -> Settings:
    """Give the settings with what a controller owns in them."""
    return replace(
        settings,
        recording_folder=options.root,
        video=options.video,
        records=options.records,
        annotate=options.annotate,
        clean=options.clean,
        timeline=options.timeline,
        blur=options.blur,
        blur_whole=options.blur_whole,
        sound=options.sound,
        sheet=options.sheet,
        limit_minutes=round((options.limit_s or 0.0) / 60),
        markers=options.texts,
    )
