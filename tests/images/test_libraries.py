"""Settings of Pillow and of warnings hold while at least one thread reads, and no longer."""

from __future__ import annotations

import threading
import warnings

from PIL import Image

from colorflow.images.libraries import image_libraries


def test_settings_of_the_libraries_are_shared_by_threads(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        with image_libraries(5000):
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with image_libraries(3000):
            thread.start()
            inside.wait(10)
            assert Image.MAX_IMAGE_PIXELS == 5000
        # This thread is out, the other is not.
        warnings.warn_explicit("x", UserWarning, "a.py", 1, module="PIL.TiffImagePlugin")
        assert Image.MAX_IMAGE_PIXELS == 5000
        done.set()
        thread.join()
        assert not caught
        assert Image.MAX_IMAGE_PIXELS == 100


def test_a_higher_limit_of_the_program_stays(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9000)
    with image_libraries(3000):
        assert Image.MAX_IMAGE_PIXELS == 9000
